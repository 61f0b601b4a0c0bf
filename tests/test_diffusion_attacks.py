"""What somebody could put into a base, in its way here, or into an actor that asks for one: each is refused."""

import json
from contextlib import contextmanager
from functools import cache

import pytest
import torch
from published import REPOSITORY, files_of, publish
from safetensors.torch import load, save
from tiny import shrink_presets
from tinybase import COMMITS, UNET, lay_out, publish_base, published, shrink_bases, untrained

from perfclone.actor import Actor
from perfclone.actor.layout import CONFIG, WEIGHTS
from perfclone.backends.diffusion.bases import BASES
from perfclone.backends.diffusion.checking import check_control, check_unet
from perfclone.backends.diffusion.config import DiffusionConfig
from perfclone.backends.diffusion.locating import located_of
from perfclone.backends.diffusion.model import LatentModel
from perfclone.errors import UserError

REAL = dict(BASES)
SD15 = REAL["sd15"]
LCM = "pytorch_lora_weights.safetensors"
CONTROL = "diffusion_pytorch_model.safetensors"
BIAS = "conv_in.bias"


@pytest.fixture(autouse=True)
def small(monkeypatch, impatient):
    torch.set_num_threads(1)
    shrink_presets(monkeypatch)
    shrink_bases(monkeypatch)


def opened(commits):
    """The base of an actor with these commits, as its painter loads it."""
    return loaded(located_of(DiffusionConfig(**commits, base="sd15", exemplars=1)))


def loaded(located):
    return LatentModel(located, 2, torch.device("cpu"), torch.float32)


@contextmanager
def refusing(match):
    """What is said is one sentence."""
    with pytest.raises(UserError, match=match) as error:
        yield
    assert "\n" not in str(error.value) and len(str(error.value)) < 700


def refused(commits, match):
    with refusing(match):
        opened(commits)


def refused_files(folder, repo, files, match):
    """Refuse a base that was fetched with these files in the place of its own."""
    located = lay_out(folder, change={repo: files})
    with refusing(match):
        loaded(located)


def never_asked_for(loopback, *names):
    assert not [request.path for request in loopback.requests if request.path.endswith(names)]


def changed(repo, name, change, base="sd15"):
    """A file of weights of a base after a change."""
    tensors = load(published(base)[repo][name])
    change(tensors)
    return {name: save(tensors)}


def told(repo, name, base="sd15", **changes):
    """A file of settings of a base after a change."""
    values = {**json.loads(published(base)[repo][name]), **changes}
    return {name: json.dumps(values).encode()}


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_weights_as_pickle_are_never_fetched(loopback, part):
    name = "model" if part == "text_encoder" else "diffusion_pytorch_model"
    pickle = f"{name.replace('diffusion_', '')}.bin"
    files = {f"{part}/{name}.safetensors": None, f"{part}/{pickle}": b"\x80\x04pickle"}
    refused(publish_base(loopback, change={SD15.repo: files}), f"{part}/{pickle} only as a pickle, which can run code")
    never_asked_for(loopback, ".bin", ".safetensors")


@pytest.mark.parametrize(("repo", "name"), [(SD15.control, CONTROL), (SD15.fast, LCM)])
def test_a_pickle_in_place_of_a_control_net_or_a_lora(loopback, repo, name):
    files = {name: None, "weights.pt": b"\x80\x04"}
    refused(publish_base(loopback, change={repo: files}), "only as a pickle, which can run")
    never_asked_for(loopback, ".pt", ".bin")


def test_a_part_without_weights(loopback):
    refused(publish_base(loopback, change={SD15.repo: {UNET: None}}), "has no weights in unet as safetensors")


@pytest.mark.parametrize(("repo", "name"), [(SD15.repo, UNET), (SD15.control, CONTROL), (SD15.fast, LCM)])
def test_a_pickle_that_is_called_safetensors(tmp_path, repo, name):
    refused_files(tmp_path, repo, {name: b"\x80\x04" + bytes(200)}, "is no base that can be loaded")


@pytest.mark.parametrize("which", ["base", "control", "fast", "motion"])
def test_a_commit_that_only_a_pull_request_has(loopback, which):
    commits, repo = publish_base(loopback), {"base": "repo"}.get(which, which)
    foreign = loopback.put(getattr(SD15, repo), {"config.json": b"{}"}, branch="refs/pr/1")
    refused({**commits, f"{which}_commit": foreign}, f"Commit {foreign} is not on the main branch of")


def test_a_base_that_is_gone(loopback):
    refused(COMMITS, f"the Hub has no {SD15.repo}, or it is private")
    refused({**publish_base(loopback), "control_commit": "f" * 40}, f"{SD15.control} has no such revision")


def test_a_hub_in_trouble(loopback):
    commits = publish_base(loopback)
    loopback.fail(f"/api/models/{SD15.fast}", status=503, times=9)
    refused(commits, "the Hub is in trouble .it answered 503.; try again later")
    assert not list(loopback.home.glob("hub/models--latent-consistency*/snapshots/*/.perfclone-whole"))


def test_a_hub_that_gives_another_commit_than_it_is_asked_for(loopback):
    commits = publish_base(loopback)
    wanted = commits["base_commit"][::-1]
    loopback.hub.repositories["model", SD15.repo].branches[wanted] = commits["base_commit"]
    refused({**commits, "base_commit": wanted}, f"was asked for commit {wanted}")


def test_an_actor_keeps_the_base_that_it_was_trained_with(loopback):
    commits = publish_base(loopback)
    newer = publish_base(loopback, change={SD15.repo: {UNET: b"something else"}})
    assert opened(commits) and newer["base_commit"] != commits["base_commit"]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"_class_name": "EvilPipeline"}, "holds a pipeline 'EvilPipeline', known are StableDiffusionPipeline"),
        ({"_class_name": ["pipeline.py", "Evil"]}, "holds a pipeline .'pipeline.py'"),
        ({"unet": ["evil", "UNet2DConditionModel"]}, "asks for a unet .'evil'"),
        ({"unet": ["diffusers", "AutoencoderTiny"]}, "asks for a unet"),
        ({"unet": {"0": "diffusers"}}, "asks for a unet"), ({"vae": 3}, "asks for a vae 3"),
        ({"text_encoder": ["transformers", "AutoModel"]}, "asks for a text_encoder"),
        ({"scheduler": ["evil.py", "Scheduler"]}, "asks for a scheduler"),
        ({"auto_map": {"AutoModel": "evil.Model"}}, "asks for auto_map"),
        ({"custom_pipelines": ["evil"]}, "asks for custom_pipelines"),
    ],
)  # fmt: skip
def test_an_index_of_classes_that_are_not_known(tmp_path, changes, match):
    refused_files(tmp_path, SD15.repo, told(SD15.repo, "model_index.json", **changes), match)


@pytest.mark.parametrize(
    ("name", "changes", "match"),
    [
        ("unet/config.json", {"block_out_channels": [8, 32]}, "U-Net in .* has block_out_channels .8, 32., this base"),
        ("unet/config.json", {"cross_attention_dim": 10**9}, "has cross_attention_dim 1000000000"),
        ("unet/config.json", {"layers_per_block": 10**6}, "has layers_per_block 1000000"),
        ("unet/config.json", {"quantization_config": {"quant_method": "evil"}}, "asks for quantization_config"),
        ("vae/config.json", {"quantization_config": {"quant_method": "evil"}}, "asks for quantization_config"),
        ("vae/config.json", {"latent_channels": 8}, "no base that can be loaded"),
        ("vae/config.json", {"scaling_factor": 0}, "its autoencoder does not go with its U-Net"),
        ("text_encoder/config.json", {"auto_map": {"AutoModel": "evil.Model"}}, "asks for auto_map"),
        ("text_encoder/config.json", {"num_hidden_layers": 3}, "tensors are missing"),
        ("text_encoder/config.json", {"architectures": ["Evil"], "hidden_size": 8}, "no base that can be loaded"),
        ("tokenizer/tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["e.T", None]}}, "asks for auto_map"),
        ("scheduler/scheduler_config.json", {"num_train_timesteps": 10**12}, "asks for 1000000000000 timesteps"),
        ("scheduler/scheduler_config.json", {"prediction_type": "sample"}, "predicts 'sample', known are"),
        ("scheduler/scheduler_config.json", {"beta_schedule": "evil"}, "no base that can be loaded"),
        ("scheduler/scheduler_config.json", {"trained_betas": [-1e9] * 9}, "no base that can be loaded"),
    ],
)  # fmt: skip
def test_settings_of_another_model(tmp_path, name, changes, match):
    refused_files(tmp_path, SD15.repo, told(SD15.repo, name, **changes), match)


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("unet/config.json", b"[" * 100_000, "nested too deeply"), ("unet/config.json", b"[]", "holds no settings"),
        ("model_index.json", b"{", "is not JSON"), ("model_index.json", None, "There is no file of a base"),
        ("vae/config.json", b'{"scaling_factor": NaN}', "NaN is not a number"),
    ],
)  # fmt: skip
def test_settings_that_are_none(tmp_path, name, data, match):
    refused_files(tmp_path, SD15.repo, {name: data}, match)


#: What the configs of these repositories say, where that is not the class's default, or is null instead.
PUBLISHED = {
    "sd15": ({"cross_attention_dim": 768, "attention_head_dim": 8, "sample_size": 64}, {"cross_attention_dim": 768}),
    "sdxl-turbo": (
        {
            "addition_embed_type": "text_time", "addition_time_embed_dim": 256, "attention_head_dim": [5, 10, 20],
            "block_out_channels": [320, 640, 1280], "cross_attention_dim": 2048, "sample_size": 64,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "projection_class_embeddings_input_dim": 2816, "transformer_layers_per_block": [1, 2, 10],
            "upcast_attention": None, "mid_block_only_cross_attention": None, "use_linear_projection": True,
        },
        {
            "block_out_channels": [320, 640, 1280], "cross_attention_dim": 2048, "upcast_attention": None,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "transformer_layers_per_block": [1, 2, 10],
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_settings_that_are_published_pass(tmp_path, name):
    unet, control = PUBLISHED[name]
    (tmp_path / "config.json").write_text(json.dumps(unet))
    check_unet(tmp_path, REAL[name].architecture)
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "ControlNetModel", **control}))
    check_control(tmp_path, REAL[name].architecture)
    other = REAL["sd15" if name == "sdxl-turbo" else "sdxl-turbo"].architecture
    with refusing("this base has"):
        check_control(tmp_path, other)


def test_a_control_net_of_another_model(tmp_path):
    files = told(SD15.control, "config.json", block_out_channels=[8, 32])
    refused_files(tmp_path, SD15.control, files, "ControlNet in .* has block_out_channels")


def test_a_control_net_that_is_something_else(tmp_path):
    refused_files(tmp_path, SD15.control, told(SD15.control, "config.json", _class_name="Evil"), "no ControlNetModel")


def test_an_sdxl_in_the_place_of_a_stable_diffusion(tmp_path):
    other = published("sdxl-turbo")[BASES["sdxl-turbo"].repo]
    gone = dict.fromkeys(published("sd15")[SD15.repo])
    refused_files(tmp_path, SD15.repo, {**gone, **other}, "The U-Net in .* this base has")


@pytest.mark.parametrize(
    ("repo", "name"),
    [(SD15.repo, UNET), (SD15.repo, "vae/diffusion_pytorch_model.safetensors"),
     (SD15.repo, "text_encoder/model.safetensors"), (SD15.control, CONTROL), (SD15.fast, LCM)],
)  # fmt: skip
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(tmp_path, repo, name, value):
    def poison(tensors):
        next(iter(tensors.values())).view(-1)[0] = value

    refused_files(tmp_path, repo, changed(repo, name, poison), "values that are not finite")


def drop(tensors):
    del tensors[BIAS]


def reshape(tensors):
    tensors[BIAS] = torch.zeros(9)


@pytest.mark.parametrize("change", [drop, reshape])
@pytest.mark.parametrize(("repo", "name"), [(SD15.repo, UNET), (SD15.control, CONTROL)])
def test_missing_and_odd_tensors_of_a_base(tmp_path, change, repo, name):
    refused_files(tmp_path, repo, changed(repo, name, change), "no base that can be loaded")


def add_foreign(tensors):
    for name in list(tensors)[:3]:
        tensors[name.replace("lora_unet_", "lora_unet_evil_")] = tensors[name].clone()


def halve(tensors):
    tensors.pop(next(name for name in tensors if "lora_up" in name))


def other_unet(tensors):
    for name, value in list(tensors.items()):
        tensors[name] = torch.zeros(*value.shape[:-1], 5) if value.dim() else value


def nothing(tensors):
    tensors.clear()
    tensors["x"] = torch.zeros(1)


@pytest.mark.parametrize("change", [add_foreign, halve, other_unet, nothing])
def test_a_lora_for_few_steps_that_is_of_something_else(tmp_path, change):
    refused_files(tmp_path, SD15.fast, changed(SD15.fast, LCM, change), "no base that can be loaded")


def test_swapped_bytes_of_the_same_size(loopback):
    commits = publish_base(loopback)
    data = bytearray(published("sd15")[SD15.repo][UNET])
    data[-2] ^= 1
    loopback.swap(SD15.repo, UNET, bytes(data))
    refused(commits, f"{UNET} of {SD15.repo} is not the file that the Hub lists")
    assert not list(loopback.home.glob("hub/models--*/snapshots/*/.perfclone-whole"))


@pytest.mark.parametrize("name", ["model_index.json", "unet/config.json"])
def test_a_file_that_is_said_to_be_larger_than_such_a_file_can_be(loopback, name):
    commits = publish_base(loopback)
    loopback.lie(SD15.repo, name, size=(8 << 20) + 1)
    refused(commits, f"{name} of {SD15.repo} is said to have 8388609 bytes")
    never_asked_for(loopback, name)


def test_weights_that_are_said_to_be_larger_than_any(loopback):
    commits = publish_base(loopback)
    loopback.lie(SD15.repo, UNET, size=1 << 40)
    refused(commits, f"{UNET} of {SD15.repo} is said to have")
    never_asked_for(loopback, UNET)


def test_a_file_that_is_longer_than_it_is_said_to_be(loopback):
    commits = publish_base(loopback)
    loopback.swap(SD15.repo, "unet/config.json", published("sd15")[SD15.repo]["unet/config.json"] + b" " * 5000)
    refused(commits, "did not arrive whole")


@pytest.mark.parametrize("name", ["../../config.json", "unet/../../config.json", "unet/sub/config.json", "unet/x.py"])
def test_a_path_that_leads_out_and_code_are_never_asked_for(loopback, name):
    assert opened(publish_base(loopback, change={SD15.repo: {name: b"evil"}}))
    assert not any(".." in request.path or "sub/" in request.path for request in loopback.requests)
    never_asked_for(loopback, ".py")


@pytest.mark.parametrize("name", ["unet/config.json", UNET])
def test_a_link_in_the_cache_that_leads_out(loopback, tmp_path, name):
    commits = publish_base(loopback)
    opened(commits)
    [file] = loopback.home.glob(f"hub/models--*/snapshots/{commits['base_commit']}/{name}")
    (tmp_path / "outside").write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(tmp_path / "outside")
    refused(commits, "is a link that leads out")


@cache
def actor():
    return untrained(COMMITS)


def actors(loopback, change=None, **changes):
    """Publish an actor of this backend whose tensors or config were changed, with a manifest that fits."""
    files = actor().files()
    if change:
        tensors = load(files[WEIGHTS])
        change(tensors)
        files[WEIGHTS] = save(tensors)
    files[CONFIG] = json.dumps({**json.loads(files[CONFIG]), **changes}).encode()
    publish(loopback, files_of(actor(), **files))


def refused_actor(match):
    with refusing(match):
        Actor.from_pretrained(REPOSITORY)


def a_lora_tensor(tensors):
    return next(name for name in tensors if name.startswith("generator.lora.") and "lora_B" in name)


def foreign_key(tensors):
    tensors["generator.lora.evil.to_q.lora_A.weight"] = torch.zeros(2, 8)


def missing_key(tensors):
    del tensors[a_lora_tensor(tensors)]


def wrong_rank(tensors):
    name = a_lora_tensor(tensors)
    tensors[name] = torch.zeros(len(tensors[name]), 3)


def not_finite(tensors):
    tensors[a_lora_tensor(tensors)][0, 0] = float("nan")


@pytest.mark.parametrize(
    ("change", "match"),
    [(foreign_key, "does not fit its config"), (missing_key, "does not fit its config"), (wrong_rank, "has shape"),
     (not_finite, "generator.lora.* holds values that are not finite")],
)  # fmt: skip
def test_a_lora_that_does_not_fit(loopback, change, match):
    actors(loopback, change)
    refused_actor(match)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"base": "evil/base"}, "base must be one of sd15, sdxl-turbo, small, got 'evil/base'"),
        ({"base": "../../etc"}, "base must be one of"), ({"base": ["sd15"]}, "base must be str"),
        ({"base": "sdxl-turbo"}, "fast_commit must be empty"), ({"base": "small"}, "base_commit must be empty"),
        ({"repo": "evil/base"}, "unknown keys .repo"), ({"control": "evil/control"}, "unknown keys"),
        ({"base_commit": "main"}, "base_commit must be a commit's 40 hex digits"), ({"base_commit": ""}, "40 hex"),
        ({"control_commit": "../../../../evil"}, "control_commit must be a commit"),
        ({"fast_commit": "a" * 39 + "\n"}, "fast_commit must be a commit"),
        ({"rank": 10**9}, "rank must lie in 1-128"), ({"rank": 0}, "rank must lie"), ({"rank": True}, "must be int"),
        ({"rank": 4}, "has shape"), ({"strength": 1e999}, "cannot be read|strength must lie"),
        ({"strength": float("nan")}, "NaN is not a number"), ({"strength": -1}, "strength must lie"),
        ({"strength": 0.02, "passes": 50}, "passes / strength must be at most 50"),
        ({"passes": 10**6}, "passes must lie"), ({"held": 2}, "held must lie"), ({"held": None}, "held must be float"),
        ({"exemplars": 0}, "exemplars must be at least 1"), ({"trust_remote_code": True}, "unknown keys"),
        ({"backend": "evil"}, "no backend 'evil'"),
        ({"backend": "layered"}, "unknown keys"),
    ],
)  # fmt: skip
def test_a_config_that_asks_for_something_else(loopback, changes, match):
    actors(loopback, **changes)
    refused_actor(match)


def test_nothing_is_fetched_for_an_actor_before_it_is_in_order(loopback):
    actors(loopback, foreign_key)
    refused_actor("does not fit its config")
    assert not any(SD15.repo in request.path for request in loopback.requests)


def test_an_actor_for_another_shape_of_the_base(loopback, monkeypatch):
    actors(loopback)
    monkeypatch.setitem(BASES, "sd15", SD15)
    refused_actor("does not fit its config")
