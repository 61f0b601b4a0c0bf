import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import (
    ablation,
    across_actors,
    common,
    diffusion,
    footage,
    load,
    loading,
    memory,
    networks,
    quality,
    shapes,
    speed,
)
from benchmarks.recordings import Recording, Remembered, cut_to_square, person_crops, square_around
from eval.benchmark.baselines import Pix2Pix, UNet
from perfclone.actor import Actor, ActorConfig
from perfclone.backends.diffusion.bases import BASES, Base
from perfclone.backends.layered.config import GeneratorConfig
from perfclone.errors import UserError
from perfclone.pose import INDEX, KEYPOINTS, Pose, PoseSequence, extract
from perfclone.pose.body import LENGTHS
from perfclone.training import TrainConfig
from perfclone.video import VideoReader, VideoWriter

ROOT = Path(__file__).resolve().parents[1]
BODY = {
    "nose": (0, -1.5), "neck": (0, -1), "right_shoulder": (-0.4, -1), "right_elbow": (-0.6, -0.5),
    "right_wrist": (-0.7, 0), "left_shoulder": (0.4, -1), "left_elbow": (0.6, -0.5), "left_wrist": (0.7, 0),
    "right_hip": (-0.2, 0), "right_knee": (-0.25, 0.9), "right_ankle": (-0.25, 1.7), "left_hip": (0.2, 0),
    "left_knee": (0.25, 0.9), "left_ankle": (0.25, 1.7), "right_eye": (-0.08, -1.58), "left_eye": (0.08, -1.58),
    "right_ear": (-0.16, -1.55), "left_ear": (0.16, -1.55),
}  # fmt: skip


def drawn_recording(count=60, size=256):
    """A red figure that sways before a blue gradient, with its true poses and mattes."""
    background = np.zeros((size, size, 3), np.uint8)
    background[..., 2] = np.linspace(40, 200, size, dtype=np.uint8)
    frames, raw, unit = [], [], size / 5
    for t in range(count):
        keypoints, scores = np.zeros((len(KEYPOINTS), 2), np.float32), np.zeros(len(KEYPOINTS), np.float32)
        for name, place in BODY.items():
            keypoints[INDEX[name]] = np.array(place) * unit + size / 2 + (unit / 3 * np.sin(t / 5), 0)
            scores[INDEX[name]] = 1
        matte = np.zeros((size, size), np.uint8)
        (left, top), (right, bottom) = (f(keypoints[:18], axis=0).astype(int) for f in (np.min, np.max))
        matte[top:bottom, left:right] = 255
        frames.append(np.where(matte[..., None] > 0, np.uint8([200, 40, 40]), background))
        raw.append(Pose(keypoints, scores, matte))
    poses = PoseSequence.from_poses(raw, np.arange(count) / 25, (size, size), "drawn")
    return Recording(np.stack(frames), raw, poses)


@pytest.fixture(scope="module")
def recording():
    return drawn_recording(20, 64)


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory):
    """A base of random weights in the shape of the small one, saved as any base is."""
    from diffusers import ControlNetModel, DDIMScheduler, StableDiffusionPipeline

    from examples.diffusion import build_text, build_unet, build_vae

    folder = tmp_path_factory.mktemp("bases") / "small"
    torch.manual_seed(0)
    vae, unet, words = build_vae(), build_unet(), build_text(folder / "tokenizer")
    noise = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    scheduler = DDIMScheduler(**noise, clip_sample=False)
    StableDiffusionPipeline(vae, *words, unet, scheduler, None, None, requires_safety_checker=False).save_pretrained(
        folder
    )
    coarser = (8,) * len(vae.config.block_out_channels)
    ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=coarser).save_pretrained(folder / "controlnet")
    return folder


@pytest.fixture
def small_base(small_folder, monkeypatch):
    """The small base, of random weights and for small pictures."""
    monkeypatch.setattr(Base, "folder", property(lambda self: small_folder))
    monkeypatch.setitem(BASES, "small", replace(BASES["small"], side=64))
    torch.set_num_threads(1)


def test_the_square_keeps_its_margin_and_stays_in_the_picture_where_it_can():
    box = square_around(np.array([100, 50]), np.array([160, 250]), (1280, 720))
    assert (box.side, box.x, box.y) == (260, 0, 20)
    box = square_around(np.array([300, 100]), np.array([400, 600]), (1280, 720))
    assert box.side == 650 and box.y >= 0 and box.y + box.side <= 720
    tall = square_around(np.array([300, 20]), np.array([400, 700]), (1280, 720))
    assert tall.side == 748 and tall.x >= 0 and tall.y == 360 - 374


def test_a_video_of_the_right_size_is_taken_as_it_is(tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, rate=25) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8))
    assert cut_to_square(path, tmp_path / "square.mp4", 64) == path


def test_a_written_recording_is_recognised_frame_by_frame(recording, tmp_path):
    written = recording[4:12].write(tmp_path / "part.mp4")
    assert np.abs(written.frames.astype(int) - recording.frames[4:12]).mean() < 4
    with VideoReader(tmp_path / "part.mp4") as reader:
        found = [pose for _, pose, _ in extract(Remembered(written), reader)]
    assert all(np.abs(a.keypoints - b.keypoints).max() < 1 for a, b in zip(found, recording.raw[4:12], strict=True))


def test_mattes_of_a_recording_are_widened(recording):
    assert recording.mattes.shape == (20, 64, 64)
    assert all(
        wide[matte > 0].all() and wide.sum() > matte.sum()
        for wide, matte in zip(recording.mattes, [p.matte for p in recording.raw])
    )


def test_the_last_part_is_held_out(recording):
    learnt, test = quality.split(drawn_recording(60, 32), 0.2)
    assert (len(learnt.frames), len(test.frames), len(test.poses), len(test.raw)) == (48, 12, 12, 12)
    with pytest.raises(UserError, match="leaving 16 to train on and 4 to measure on"):
        quality.split(recording, 0.2)


def test_scores_of_the_real_frames_are_ideal(recording):
    scores = quality.score(recording.frames[:4], recording[:4], "real")
    assert (
        scores["st_lpips_alex"] == scores["person_st_lpips_alex"] == 0
        and scores["psnr"] == np.inf
        and scores["background_change"] == 0
    )
    worse = quality.score(recording.frames[::-1][:4], recording[:4], "reversed")
    assert worse["st_lpips_alex"] > 0 and worse["psnr"] < 40


def test_things_are_timed_in_turn():
    calls = []
    medians = common.interleaved_medians({n: lambda n=n: calls.append(n) for n in "ab"}, rounds=3, warm_up=1)
    assert calls == list("abababab") and medians.keys() == {"a", "b"} and all(v >= 0 for v in medians.values())


def test_evenly_spaced_moments():
    assert common.evenly(100, 3).tolist() == [0, 50, 99]
    assert common.evenly(2, 6).tolist() == [0, 1]


def test_a_contact_sheet_shows_the_videos_side_by_side(recording, tmp_path):
    import cv2

    path = common.contact_sheet({"a": recording.frames, "b": recording.frames * 0}, tmp_path / "sheet.png", rows=3)
    sheet = cv2.imread(str(path))[..., ::-1]
    assert sheet.shape == (24 + 3 * 64, 128, 3)
    assert (sheet[24:88, :64] == recording.frames[0]).all() and not sheet[24:, 64:].any()
    with pytest.raises(UserError, match="could not be written"):
        common.contact_sheet({"a": recording.frames}, tmp_path / "none" / "sheet.png")


def test_json_is_printed_and_written(tmp_path, capsys):
    common.write_json({"a": 1.5, **common.circumstances(2)}, tmp_path / "x.json")
    written = json.loads((tmp_path / "x.json").read_text())
    assert written == json.loads(capsys.readouterr().out)
    assert written["a"] == 1.5 and written["threads"] == 2 and written["versions"]["torch"]
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_peak_memory_counts_what_was_held_for_a_moment():
    before = memory.peak_mib()
    held = np.ones(int(before * 2**20 / 8) + 2**24)
    assert memory.peak_mib() > before + 100
    del held
    assert memory.peak_mib() > before + 100


def test_a_driving_clip_is_looped_to_any_length(recording, tmp_path):
    recording.write(tmp_path / "driving.mp4")
    path = memory.looped(tmp_path / "driving.mp4", tmp_path / "long.mp4", frames=55, size=32)
    with VideoReader(path) as reader:
        frames = [frame.pixels for frame in reader]
    assert len(frames) == 55 and frames[0].shape == (32, 32, 3)
    assert np.abs(frames[0].astype(int) - frames[40]).mean() < 3 < np.abs(frames[0].astype(int) - frames[10]).mean()


def test_person_crops_follow_the_person(recording):
    mattes = np.stack([pose.matte for pose in recording.raw[:4]])
    mattes[1] = 0
    crops, dark = person_crops(mattes, recording.frames[:4], recording.frames[:4] // 4)
    assert crops.shape == dark.shape == (3, 256, 256, 3)
    assert (np.abs(crops[:, 128, 128].astype(int) - (200, 40, 40)) < 3).all()
    assert (np.abs(crops[:, 5, 128].astype(int) - (200, 40, 40)).max(-1) > 50).all()
    assert (dark[:, 128, 128] < 60).all()


def test_the_ablation_is_a_table():
    row = {"driving_warp_error": 0.001234, "held_out_st_lpips_alex": 0.2, "steps": 7}
    lines = ablation.table({"everything": row, "without": row}).splitlines()
    assert len(lines) == 4 and lines[2] == "| everything | 0.001234 | 0.2000 | 7 |"


@pytest.mark.parametrize(
    "benchmark", [ablation, across_actors, diffusion, footage, load, loading, memory, quality, speed]
)
def test_each_benchmark_explains_itself(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [benchmark.__name__, "--help"])
    with pytest.raises(SystemExit) as exit_:
        benchmark.main()
    assert exit_.value.code == 0 and "--json" in capsys.readouterr().out


def test_what_the_user_can_put_right_is_said_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["quality.py", str(tmp_path / "none.mp4"), "--minutes", "1"])
    with pytest.raises(SystemExit) as exit_:
        common.run(quality.main)
    assert "none.mp4" in exit_.value.code and "\n" not in exit_.value.code


def test_loading_reads_the_same_actor_both_ways(tmp_path):
    from tiny import untrained_actor

    folder = untrained_actor().save_pretrained(tmp_path / "actor")
    snapshot = loading.cached(folder, tmp_path / "cache")
    found = Actor.from_pretrained(loading.REPOSITORY, cache_dir=tmp_path / "cache", local_files_only=True)
    assert found.commit == loading.COMMIT
    for name, value in loading.read_plainly(snapshot).state_dict().items():
        assert torch.equal(value, found.state_dict()[name]), name
    result = loading.measure(folder, 2)
    assert result["cached_over_plain"] == result["cached_ms"] / result["plain_ms"] > 0


def test_across_actors_the_nearest_frame_is_sought_for_the_actors_own_limbs(monkeypatch):
    from tiny import poses, shots, untrained_actor

    def recording(sequence):
        return Recording(np.stack([shot.rgb for shot in shots()]), [], sequence)

    longer = poses().keypoints.copy()
    for side in ("left", "right"):
        arm = [INDEX[f"{side}_{name}"] for name in ("elbow", "wrist", "thumb", "index", "pinky")]
        shoulder = longer[:, [INDEX[f"{side}_shoulder"]]]
        longer[:, arm] = shoulder + 1.8 * (longer[:, arm] - shoulder)
    found = {"reference.mp4": recording(poses()), "driving.mp4": recording(replace(poses(), keypoints=longer))}
    monkeypatch.setattr(across_actors, "load_recording", lambda path: found[path.name])
    painted = across_actors.paint(untrained_actor(), Path("reference.mp4"), Path("driving.mp4"))
    assert painted["clone"].shape == painted["nearest"].shape == (30, 160, 160, 3)
    assert np.array_equal(painted["nearest"], found["reference.mp4"].frames)


def test_a_benchmark_runs_as_a_file_from_anywhere(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "loading.py"), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "--json" in done.stdout, done.stderr


@pytest.mark.slow
def test_quality_measures_both_methods_on_the_same_frames(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(quality, "cut_to_square", lambda reference, output, size: reference)
    monkeypatch.setattr(quality, "load_recording", lambda path: drawn_recording())
    monkeypatch.setattr(quality, "SCORED_FRAMES", 1)
    monkeypatch.setattr(quality, "Pix2Pix", partial(Pix2Pix, levels=5, width=4))
    monkeypatch.setattr(quality, "TrainConfig", lambda preset, **rest: TrainConfig("tiny", **rest))
    paths = [tmp_path / "result.json", tmp_path / "sheet.png"]
    arguments = ["--minutes", "0.001", "--json", str(paths[0]), "--sheet", str(paths[1]), "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["quality.py", "drawn.mp4", *arguments])
    quality.main()
    result = json.loads(paths[0].read_text())
    wanted = {"st_lpips_alex", "psnr", "warp_error", "background_change", "minutes", "steps"}
    assert wanted <= result["perfclone"].keys() == result["pix2pix"].keys()
    assert result["ratio"] == result["perfclone"]["st_lpips_alex"] / result["pix2pix"]["st_lpips_alex"]
    assert result["real"]["background_change"] == 0 and result["settings"]["train_frames"] == 48
    assert paths[1].stat().st_size > 1000


@pytest.mark.slow
def test_the_ablation_trains_and_measures_each_variant(monkeypatch, tmp_path, capsys):
    recording = drawn_recording(50)
    recording.poses.save(tmp_path / "driving.npz")
    monkeypatch.setattr(ablation, "cut_to_square", lambda reference, output, size: reference)
    monkeypatch.setattr(ablation, "load_recording", lambda path: recording)
    monkeypatch.setattr(ablation, "SCORED_FRAMES", 1)
    variants = {"everything": {}, "without": {"window": False}}
    monkeypatch.setattr(ablation, "VARIANTS", variants)
    arguments = ["--driving", str(tmp_path / "driving.npz"), "--preset", "tiny", "--steps", "1", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["ablation.py", "drawn.mp4", *arguments, "--json", str(tmp_path / "x.json")])
    ablation.main()
    result = json.loads((tmp_path / "x.json").read_text())
    assert result["variants"].keys() == variants.keys()
    rows = result["variants"].values()
    assert all(row["steps"] == 1 and row["held_out_st_lpips_alex"] > 0 for row in rows)
    first, second = (row["driving_warp_error"] for row in rows)
    assert first != second
    assert "| without |" in capsys.readouterr().err


def test_g_is_timed_as_cloning_runs_it():
    config = ActorConfig(
        width=64, height=64, fps=25, side=64, body_lengths=(12.0,) * len(LENGTHS), body_centre_x=32, body_floor_y=60,
        generator=GeneratorConfig(32, (8, 8)),
    )  # fmt: skip
    actor = networks.actor_like(Actor(config), "tiny", 160, 128)
    assert actor.config.side == 128 and actor.config.body_lengths[0] == 24 and actor.config.generator.resolution == 128
    paint = networks.painting(actor, drawn_recording(4, 128).poses)
    frames = [paint() for _ in range(10)]
    assert {frame.shape for frame in frames} == {(128, 160, 3)}
    assert (frames[0] != frames[2]).any()


def test_the_faster_layout_computes_the_same():
    torch.manual_seed(0)
    network, x = UNet(levels=3, width=4).eval(), torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        expected = network(x)
        name, forward = networks.fastest_layout(network, x)
        assert name in networks.LAYOUTS and torch.allclose(forward(), expected, atol=1e-5)


def test_openmp_is_told_how_to_wait_before_torch_is_loaded():
    code = "import sys, runpy; runpy.run_path('benchmarks/speed.py', run_name='speed'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert loaded.index("perfclone") < loaded.index("torch")


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("sd15", {"autoencoder": 84, "controlnet": 361, "unet": 860 + 3, "unet with motion": 860 + 3 + 454}),
        ("sdxl-turbo", {"autoencoder": 84, "controlnet": 1251, "unet": 2567 + 23}),
    ],
)
def test_bases_are_timed_in_the_shapes_that_were_published(name, millions):
    assert shapes.Untrained(name, torch.device("meta")).millions == pytest.approx(millions, abs=1)  # with the LoRA


def test_whatever_makes_a_frame_faster_leaves_it_as_it_is(small_base):
    model = shapes.Untrained("small", torch.device("cpu"))
    torch.manual_seed(1)
    for tensor in model.lora.values():
        torch.nn.init.normal_(tensor, 0, 0.3)
    for part in (*model.control.controlnet_down_blocks, model.control.controlnet_mid_block):
        torch.nn.init.normal_(part.weight, 0, 0.1)  # zero by itself
    changes = []
    for way in shapes.ON_CPU:
        model.turn(way)
        changes.append(shapes.frame(model, 2)())
    assert changes[0].shape == (1, 3, 64, 64) and changes[0].abs().mean() > 0.01
    assert (shapes.frame(model, 1)() - changes[0]).abs().mean() > 1e-4
    for change in changes[1:]:
        torch.testing.assert_close(change, changes[0], atol=1e-3, rtol=0)
    before = changes[0]
    model.turn("bf16")
    assert 1e-5 < (shapes.frame(model, 2)() - before).abs().mean() < 0.05


@pytest.mark.parametrize("windows", [False, True])
def test_shapes_are_timed_at_each_number_of_passes(windows, small_base, monkeypatch):
    monkeypatch.setattr(shapes, "LENGTH", 5)
    monkeypatch.setitem(BASES, "small", replace(BASES["small"], motion="some/motion" if windows else None))
    found = shapes.measure("small", torch.device("cpu"), 3, windows)
    assert (found["side"], [row["way"] for row in found["ways"]]) == (64, list(shapes.ON_CPU))
    for row in found["ways"]:
        assert row["ms"].keys() == row["gb"].keys() == {"1", "2", "4"} and row["ms"]["4"] > row["ms"]["1"] > 0
        assert all(0.05 < gb < 64 for gb in row["gb"].values())
    lines = shapes.table([found]).splitlines()
    assert len(lines) == 2 + len(shapes.ON_CPU) and len({line.count("|") for line in lines}) == 1
    assert lines[0].startswith("| base, px | way | 1 pass | 2 passes | 4 passes |")


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")
def test_without_a_gpu_only_the_small_base_is_timed(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["diffusion.py", "--shapes"])
    with pytest.raises(SystemExit) as exit_:
        common.run(diffusion.main)
    assert "sd15 and sdxl-turbo want an NVIDIA GPU" in exit_.value.code and "--base small" in exit_.value.code


def test_the_worst_clip_comes_first():
    found = [{"clip": str(n), "clones": {"refined": {"person_st_lpips_alex": n}}} for n in (0.1, 0.3, 0.2)]
    assert [clip["clip"] for clip in diffusion.worst_first(found)] == ["0.3", "0.2", "0.1"]
    lines = diffusion.table(found).splitlines()
    assert lines[2] == "| 0.1 | refined |  | 0.1000 |  |  |  |  |  |  |"


@pytest.mark.slow
def test_what_diffusion_adds_is_measured_on_the_same_frames(small_base, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(diffusion, "cut_to_square", lambda reference, output, size: reference)
    monkeypatch.setattr(diffusion, "load_recording", lambda path: drawn_recording(30, 96))
    monkeypatch.setattr(quality, "SCORED_FRAMES", 1)
    paths = [tmp_path / "result.json", tmp_path / "sheets"]
    arguments = ["--base", "small", "--steps", "1", "--holdout", "0.4", "--json", str(paths[0]), "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["diffusion.py", "drawn.mp4", *arguments, "--sheets", str(paths[1])])
    diffusion.main()
    (clip,) = json.loads(paths[0].read_text())["clips"]
    clones = clip["clones"]
    wanted = {"st_lpips_alex", "person_st_lpips_alex", "fd", "temporal_flickering", "warp_error", "ms", "gb", "steps"}
    assert all(wanted <= clones[name].keys() for name in ("layered", "unrefined", "refined"))
    assert clones["refined"]["psnr"] != clones["unrefined"]["psnr"]
    assert clones["refined"]["ms"] > clones["unrefined"]["ms"]
    assert [path.name for path in paths[1].iterdir()] == ["drawn.png"]
    assert "| drawn.mp4 | refined |" in capsys.readouterr().err
