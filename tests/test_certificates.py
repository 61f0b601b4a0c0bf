"""Certificates to sign with: the operator's own, or this machine's, which is private and announced."""

import multiprocessing
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from signed import FACTS, operators, root_of, write_video

from perfclone.errors import UserError
from perfclone.governance.credentials import certificates
from perfclone.governance.credentials.certificates import certificate, own_roots
from perfclone.governance.credentials.read import read_credentials
from perfclone.governance.credentials.sign import Claim, sign_video

pytestmark = pytest.mark.usefixtures("own_home")


def test_the_development_certificate_is_private_stays_and_is_announced(own_home, caplog):
    first = certificate()
    assert first.name == certificates.DEVELOPMENT and first.key not in repr(first)
    assert "not trusted" in first.name and "not trusted" in caplog.text and "PRIVATE" not in caplog.text
    assert certificate() == first
    folder = own_home / "certificates"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}
    assert modes == {"certificates": 0o700, "root.pem": 0o600, "root.key": 0o600, "signer.pem": 0o600}


def test_the_development_certificate_is_announced_once_a_day(own_home, tmp_path, caplog):
    plain = write_video(tmp_path / "plain.mp4")
    for name in ("one.mp4", "two.mp4"):
        sign_video(plain, tmp_path / name, Claim(**FACTS))
    assert caplog.text.count("not trusted") == 1 and "set PERFCLONE_CERT to sign with your own" in caplog.text
    told = own_home / ".certificate-announced"
    for damage in (b"2026-01-01", b"\xff", b""):
        told.write_bytes(damage)
        caplog.clear()
        assert certificate() and certificate()
        assert caplog.text.count("not trusted") == 1


def test_the_signer_is_renewed_and_a_retired_root_is_still_ours(own_home, tmp_path):
    signed = sign_video(write_video(tmp_path / "plain.mp4"), tmp_path / "signed.mp4", Claim(**FACTS))
    folder = own_home / "certificates"
    key = (folder / "root.key").read_bytes()
    root = x509.load_pem_x509_certificate(key)
    ca_key = serialization.load_pem_private_key(key, None)
    leaf, leaf_key = certificates._issue("old", 10, root, ca_key)
    (folder / "signer.pem").write_text(certificates._key_pem(leaf_key) + certificates._pem(leaf))
    assert certificate().name != "old"
    (folder / "root.pem").rename(folder / "root-2026.pem")
    (folder / "root.key").unlink()
    (folder / "signer.pem").unlink()
    again = sign_video(signed, tmp_path / "again.mp4", Claim(**FACTS))
    assert own_roots().count("BEGIN CERTIFICATE") == 2
    assert read_credentials(signed).by_us and read_credentials(again).by_us


def _make(_):
    return certificate().chain


def test_processes_that_start_at_once_share_one_root(own_home):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(_make, range(8))
    root = x509.load_pem_x509_certificate(root_of(own_home).read_bytes())
    x509.load_pem_x509_certificate(certificate().chain.encode()).verify_directly_issued_by(root)
    assert sorted(path.name for path in root_of(own_home).parent.iterdir()) == ["root.key", "root.pem", "signer.pem"]


def test_a_certificate_that_will_not_do_is_named_with_the_reason(tmp_path, monkeypatch):
    chain, key, root = operators(tmp_path / "a", "A")
    _, other, _ = operators(tmp_path / "b", "B")
    expired, expired_key, _ = operators(tmp_path / "c", "C", days=-1 / 48)
    (tmp_path / "x.pem").write_text("nothing")
    for arguments, words in (
        ((chain, other), "key does not belong to the certificate"),
        ((chain, tmp_path / "x.pem"), "no PEM file of a private key"),
        ((tmp_path / "x.pem", key), "no PEM file of certificates"),
        ((tmp_path / "y.pem", key), "y.pem cannot be read"),
        ((expired, expired_key), "expired on"),
        ((chain, None), "set PERFCLONE_CERT_KEY too"),
        ((None, key), "set PERFCLONE_CERT too"),
    ):
        with pytest.raises(UserError, match=words):
            certificate(*arguments)
    ca, ca_key = certificates._issue("root", 9)
    (tmp_path / "ca.pem").write_text(certificates._pem(ca))
    (tmp_path / "ca.key").write_text(certificates._key_pem(ca_key))
    with pytest.raises(UserError, match="lacks an extended key usage"):
        certificate(tmp_path / "ca.pem", tmp_path / "ca.key")
