import cv2
import numpy as np
import pytest

from eval.metrics import identity
from eval.metrics.identity import SAME_PERSON, FaceDistance, head_box
from perfclone.errors import UserError
from perfclone.pose import INDEX, KEYPOINTS

needs_faces = pytest.mark.skipif(
    not FaceDistance.available(), reason=f"pip install {' '.join(identity.PACKAGES)} to test the distance of faces"
)


@pytest.fixture(scope="module")
def collins():
    """A portrait of the astronaut Eileen Collins (NASA, public domain), (512, 512, 3) uint8."""
    return pytest.importorskip("skimage.data").astronaut()


@pytest.fixture(scope="module")
def hopper():
    """A portrait of Grace Hopper (US Navy, public domain), (606, 512, 3) uint8."""
    from matplotlib.cbook import get_sample_data

    with get_sample_data("grace_hopper.jpg") as file:
        return cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


@needs_faces
def test_the_same_person_is_near_and_another_is_far(collins, hopper):
    faces = FaceDistance()
    assert faces.distance(collins, collins) == 0
    dark = cv2.convertScaleAbs(collins[:, ::-1], alpha=0.7)
    assert 0 < faces.distance(collins, dark) < SAME_PERSON
    assert faces.distance(collins, hopper) > SAME_PERSON


@needs_faces
def test_a_box_finds_a_small_face_and_only_there(collins, hopper):
    faces, frame = FaceDistance(), np.full((720, 1280, 3), 90, np.uint8)
    frame[300:428, 200:328] = cv2.resize(collins, (128, 128), interpolation=cv2.INTER_AREA)
    frame[300:451, 900:1028] = cv2.resize(hopper, (128, 151), interpolation=cv2.INTER_AREA)
    left, right = np.array([200, 300, 328, 428]), np.array([900, 300, 1028, 428])
    assert faces.distance(collins, frame, box_b=left) < SAME_PERSON
    assert faces.distance(hopper, frame, box_b=right) < SAME_PERSON
    assert faces.distance(frame, frame, left, right) > SAME_PERSON


@needs_faces
def test_where_no_face_is_there_is_no_distance(collins):
    faces, empty = FaceDistance(), np.full((200, 200, 3), 128, np.uint8)
    assert faces.distance(collins, empty) is None and faces.distance(empty, collins) is None
    assert faces.distance(collins, collins, box_b=np.array([0, 300, 100, 400])) is None
    assert faces.distance(collins, collins, box_b=np.array([600.0, 0, 700, 100])) is None


def test_the_box_of_a_head_lies_around_the_nose_and_covers_what_a_bow_shortens():
    joints, scores = np.zeros((len(KEYPOINTS), 2)), np.zeros(len(KEYPOINTS))
    assert head_box(joints, scores) is None
    joints[INDEX["nose"]], joints[INDEX["neck"]] = (100, 50), (100, 90)
    scores[[INDEX["nose"], INDEX["neck"]]] = 0.9
    assert head_box(joints, scores) == pytest.approx([40, -10, 160, 110])
    joints[INDEX["right_shoulder"]], joints[INDEX["left_shoulder"]] = (40, 90), (160, 90)
    scores[[INDEX["right_shoulder"], INDEX["left_shoulder"]]] = 0.9
    assert head_box(joints, scores) == pytest.approx([10, -40, 190, 140])


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(identity, "find_spec", lambda name: None)
    assert not FaceDistance.available()
    with pytest.raises(UserError, match="pip install face-recognition-models dlib-bin"):
        FaceDistance()
