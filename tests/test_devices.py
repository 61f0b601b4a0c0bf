"""Cards that will not do: really raised, as PyTorch raises them, and explained."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny import SavedPoses, poses, untrained_actor, write_clip

from perfclone import cli
from perfclone.devices import choose_device, choose_precision, device_explained
from perfclone.errors import UserError
from perfclone.pipeline import PerformanceCloner

FULL = (
    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 11.77 GiB of which 5.27 GiB is "
    "free. Including non-PyTorch memory, this process has 6.30 GiB memory in use. Of the allocated memory 6.00 GiB is "
    "allocated by PyTorch, and 300.00 MiB is reserved by PyTorch but unallocated."
)
NO_KERNEL = (
    "CUDA error: no kernel image is available for execution on the device\nSearch for "
    "`cudaErrorNoKernelImageForDevice' in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html for "
    "more information.\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace "
    "below might be incorrect."
)
OLD_DRIVER = (
    "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by downloading "
    "and installing a new version from the URL: http://www.nvidia.com/Download/index.aspx"
)
TROUBLES = [
    (torch.OutOfMemoryError(FULL), r"is full \(CUDA out of memory\. Tried to allocate 20\.00 GiB.*smaller size"),
    (torch.OutOfMemoryError(), r"is full \(OutOfMemoryError\)"),
    (torch.AcceleratorError("CUDA error: out of memory", 2), "is full"),
    (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "is full"),
    (RuntimeError("MPS backend out of memory (MPS allocated: 17.72 GB, max allowed: 18.13 GB)."), "is full"),
    (torch.AcceleratorError(NO_KERNEL, 209), "this PyTorch has no kernels for .*Install a PyTorch that has"),
    (RuntimeError(NO_KERNEL), "this PyTorch has no kernels for"),
    (RuntimeError(OLD_DRIVER), r"driver that is too old .*found version 11040.*Update the driver"),
    (RuntimeError("CUDA error: CUDA-capable device(s) is/are busy or unavailable"), "held by another program"),
]
INSTEAD = r'; --device cpu \(device="cpu" in Python\) takes the processor instead, which is slower\.$'


@pytest.fixture
def card(monkeypatch):
    """Pretend that there is an old card, of which more can be said."""
    properties = SimpleNamespace(name="NVIDIA GeForce GTX 960", major=5, minor=2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (properties.major, properties.minor))
    return properties


def failing_actor(error):
    """A tiny actor whose network raises."""

    def fail(*inputs):
        raise error

    actor = untrained_actor()
    actor.generator.forward = fail
    return actor


@pytest.mark.parametrize(("error", "sentence"), TROUBLES)
def test_a_card_that_fails_is_named_with_what_happened_and_what_to_do(error, sentence, card):
    with pytest.raises(UserError, match=f"(?s){sentence}.*{INSTEAD}") as told, device_explained("cuda:0"):
        raise error
    assert str(told.value).startswith("The card NVIDIA GeForce GTX 960 (cuda:0, compute capability 5.2) ")
    assert "\n" not in str(told.value) and len(str(told.value)) < 600


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: an illegal memory access was encountered"), KeyError(1)])
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error)) as raised, device_explained("cuda:0"):
        raise error
    assert raised.value is error


@pytest.mark.parametrize(("error", "sentence"), TROUBLES[::5])
def test_a_clone_on_such_a_card_ends_in_a_sentence_not_in_a_fault(error, sentence, tmp_path, capsys, monkeypatch):
    cloner = PerformanceCloner(failing_actor(error), SavedPoses())
    monkeypatch.setattr(PerformanceCloner, "from_pretrained", lambda *args, **options: cloner)
    driving = write_clip(tmp_path / "driving.mp4")
    assert cli.main(["clone", "anna", str(driving), "-o", str(tmp_path / "out.mp4")]) == 2
    said = capsys.readouterr().err
    assert "fault of perfclone" not in said and "--device cpu" in said and ("is full" in said or "no kernels" in said)
    with pytest.raises(UserError, match=f"(?s){sentence}"):
        list(cloner.frames(poses()))


def test_a_device_is_tried_before_anything_is_loaded(monkeypatch, tmp_path):
    def fail(*size, device):
        raise torch.AcceleratorError(NO_KERNEL, 209)

    monkeypatch.setattr(torch, "zeros", fail)
    with pytest.raises(UserError, match="The device cuda:0 is of a kind .*no kernels"):
        choose_device("cuda:0")


@pytest.mark.parametrize("name", ["kuda", "cuda:99", "cuda:x", "meta", "xpu:3"])
def test_a_device_that_is_not_there_is_said_to_be_missing(name):
    with pytest.raises(UserError, match=f"The device {name} cannot be used here .*This machine has .*cpu{INSTEAD}"):
        choose_device(name)
    with pytest.raises(UserError, match=name):
        next(PerformanceCloner(untrained_actor(), device=name).frames(poses()))


def test_without_a_name_an_accelerator_is_taken_where_there_is_one(monkeypatch):
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    assert choose_device().type == (accelerator.type if accelerator else "cpu")
    assert choose_device("cpu") == torch.device("cpu")
    tried = []
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available=False: torch.device("cuda"))
    monkeypatch.setattr(torch, "zeros", lambda *size, device: tried.append(device) or torch.ones(1))
    choose_device()
    monkeypatch.setenv("LOCAL_RANK", "1")
    choose_device()
    assert tried == [torch.device("cuda"), torch.device("cuda:1")]


@pytest.mark.parametrize(
    ("capability", "best", "lacking"),
    [((9, 0), torch.bfloat16, ()), ((8, 0), torch.bfloat16, ()), ((7, 5), torch.float16, ("bf16",)),
     ((7, 0), torch.float16, ("bf16",)), ((6, 1), torch.float32, ("bf16", "fp16"))],
)  # fmt: skip
def test_a_card_computes_in_what_it_has(capability, best, lacking, card):
    card.major, card.minor = capability
    device = torch.device("cuda:0")
    assert choose_precision(device) == best
    assert choose_precision(device, "no") == torch.float32
    for precision in lacking:
        with pytest.raises(UserError, match=f"does not compute in {precision}; choose auto or one of .*no with --"):
            choose_precision(device, precision)


def test_the_processor_computes_in_float32_unless_told_otherwise():
    cpu = torch.device("cpu")
    assert choose_precision(cpu) == choose_precision(cpu, "no") == torch.float32
    assert choose_precision(cpu, "bf16") == torch.bfloat16
    with pytest.raises(UserError, match="The device cpu does not compute in fp16; choose auto or one of no, bf16"):
        choose_precision(cpu, "fp16")
    with pytest.raises(ValueError, match="must be one of auto, no, fp16, bf16, got 'fp8'"):
        choose_precision(cpu, "fp8")


def test_a_clone_is_painted_in_the_precision_asked_for():
    actor, options = untrained_actor(), {"device": "cpu"}
    exact, usual, mixed = (
        np.stack(list(PerformanceCloner(actor, **options, **more).render(poses()))).astype(int)
        for more in ({"mixed_precision": "no"}, {}, {"mixed_precision": "bf16"})
    )
    assert np.array_equal(exact, usual)
    apart = np.abs(exact - mixed)
    assert apart.max() > 0 and np.quantile(apart, 0.999) < 8, "but for single pixels between two copies"
