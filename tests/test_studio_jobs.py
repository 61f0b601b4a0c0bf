"""Jobs that outlive the visit: kept, found, in line, stopped, taken up again, deleted; by real worker processes."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from clips import draw, numbered
from counting import CountingWorkers

from perfclone.errors import UserError
from perfclone.governance.review import PENDING
from studio import zero
from studio.jobs.doing import work_at
from studio.jobs.job import ENDED, LIVE, TRIES
from studio.jobs.queue import enqueue, line, recover
from studio.jobs.store import KEPT, Store
from studio.surroundings import environment

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _tests_are_importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))
    monkeypatch.delenv("PERFCLONE_QUEUE", raising=False)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "studio")


def ask(store, kind="count", owner="visit:a", **request):
    job = store.create(kind, owner, request)
    enqueue(store, job)
    return job


def wait_for(true, seconds=30.0):
    give_up = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < give_up, "it never came"
        time.sleep(0.05)
    return value


def ended(job):
    wait_for(lambda: job.ended_at)
    return job.state


def pid_of(job):
    return wait_for(lambda: (job.files / "started").exists() and int((job.files / "started").read_text().split()[0]))


@contextmanager
def working(store, *lines):
    with CountingWorkers(store, lines or ("light",)) as crew:
        yield crew


def test_a_job_tells_what_was_asked_also_to_who_opens_the_store_anew(store, tmp_path):
    (tmp_path / "wave.mp4").write_bytes(b"a clip")
    job = store.create("count", "visit:a", {"to": 2, "word": "踊り"}, [(tmp_path / "wave.mp4", "driving.mp4")])
    found = Store(store.folder).find(job.id)
    assert (found.kind, found.owner, found.request) == ("count", "visit:a", {"to": 2, "word": "踊り"})
    assert found.file("driving.mp4").read_bytes() == b"a clip" and found.file("other.mp4") is None
    assert found.state == "waiting" and found.standing is None and found.result == {} and not found.begun


def test_ids_cannot_be_guessed_and_name_no_path(store):
    ids = {store.create("count", "visit:a", {}).id for _ in range(50)}
    assert len(ids) == 50 and {len(id) for id in ids} == {22}
    for wrong in ("", "..", "../jobs", "a" * 22, next(iter(ids)) + "/", "/etc/passwd", "x" * 1000):
        with pytest.raises(UserError, match="no such job any more"):
            store.find(wrong)


def test_visitors_see_their_own(store):
    mine, yours = (store.create("count", owner, {}) for owner in ("visit:a", "visit:b"))
    assert store.listing("visit:a") == [mine] and store.listing("visit:b") == [yours]
    assert store.listing() == [mine, yours] and store.listing("visit:c") == []


def test_the_place_in_line_counts_those_before_in_the_same_line(store):
    first, other, second, third = (store.create(kind, "visit:a", {}) for kind in ("count", "heavy", "count", "count"))
    assert [store.place(job, {"count"}) for job in (first, second, third)] == [0, 1, 2]
    first.end("done", {})
    assert store.place(third, {"count"}) == 1 and store.place(other, {"heavy"}) == 0


def test_what_ended_is_deleted_after_a_day_and_nothing_else(store):
    old, fresh, waiting, held = (store.create("count", "visit:a", {}) for _ in range(4))
    old.end("done", {})
    held.end("done", {})
    (held.files / PENDING).mkdir()
    (held.files / PENDING / "00000001-clone.mp4").touch()  # it waits for approval
    torn = store.jobs / "torn"
    torn.mkdir()
    assert store.sweep(old.ended_at + KEPT - 1) == 0
    fresh._write(ENDED, {"state": "done", "at": old.ended_at + 100})
    assert store.sweep(old.ended_at + KEPT + 1) == 2 and not torn.exists()
    assert store.listing() == [fresh, waiting, held]
    with pytest.raises(UserError, match="deleted after a day"):
        store.find(old.id)
    old.end("failed", why="too late")  # a worker that was still at it
    assert not old.path.exists()


def test_what_is_old_is_deleted_when_the_server_starts(store):
    old = store.create("count", "visit:a", {})
    old._write(ENDED, {"state": "done", "at": time.time() - KEPT - 1})
    with working(store):
        assert not old.path.exists()


def test_a_job_is_done_in_another_process_and_its_result_is_found(store):
    with working(store):
        job = ask(store, to=4)
        assert ended(job) == "done" and job.result == {"counted": 4} and job.why is None
        assert pid_of(job) != os.getpid()


def test_jobs_are_done_in_the_order_in_which_they_came(store):
    jobs = [ask(store, to=1) for _ in range(5)]
    with working(store):
        jobs += [ask(store, to=1) for _ in range(5)]
        assert {ended(job) for job in jobs} == {"done"}
    assert (store.folder / "order").read_text().split() == [job.id for job in jobs]


def test_the_order_is_that_of_asking_even_if_the_messages_came_otherwise(store):
    jobs = [store.create("count", "visit:a", {"to": 1}) for _ in range(4)]
    for job in (jobs[2], jobs[0], jobs[3], jobs[1]):
        enqueue(store, job)
    with working(store):
        assert {ended(job) for job in jobs} == {"done"}
    assert (store.folder / "order").read_text().split() == [job.id for job in jobs]


def test_the_lines_do_not_wait_for_one_another(store):
    with working(store, "heavy", "light"):
        long = ask(store, "heavy_count", to=1000, pause_s=0.05)
        pid_of(long)
        assert ended(ask(store, to=2)) == "done" and long.state == "running"


def test_a_running_job_tells_how_far_it_is_and_stops_when_asked(store):
    with working(store):
        job = ask(store, to=1000, pause_s=0.02)
        standing = wait_for(lambda: job.standing and job.standing.left_s and job.standing)
        assert standing.stage == "count" and standing.total == 1000 and 1 < standing.left_s < 200
        job.stop()
        assert ended(job) == "stopped" and job.standing is None


def test_one_that_was_stopped_while_it_waited_is_never_begun(store):
    stopped, next_one = ask(store), ask(store)
    stopped.stop()
    assert stopped.state == "stopped"
    with working(store):
        assert ended(next_one) == "done"
    assert stopped.state == "stopped" and not stopped.begun and not (stopped.files / "started").exists()
    stopped.stop()
    next_one.stop()
    assert (stopped.state, next_one.state) == ("stopped", "done")


def test_a_failure_is_a_sentence_and_ends_no_worker(store):
    with working(store):
        theirs, ours, fine = ask(store, trouble="sentence"), ask(store, trouble="fault"), ask(store)
        assert [ended(job) for job in (theirs, ours, fine)] == ["failed", "failed", "done"]
    assert theirs.why == "Nobody was found in wave.mp4; film closer."
    assert ours.why.startswith("This is a fault of perfclone") and "Zero" not in ours.why
    assert pid_of(theirs) == pid_of(ours) == pid_of(fine)


def test_a_job_whose_worker_is_killed_is_taken_up_again_before_the_others(store):
    with working(store):
        job = ask(store, to=40, pause_s=0.05)
        later = [ask(store, to=1) for _ in range(2)]
        killed = pid_of(job)
        os.kill(killed, signal.SIGKILL)
        assert ended(job) == "done" and {ended(each) for each in later} == {"done"}
    pids = (job.files / "started").read_text().split()
    assert len(pids) == 2 and pids[1] == str(killed) != pids[0]
    assert (store.folder / "order").read_text().split()[0] == job.id


def test_a_job_that_its_workers_die_of_is_given_up(store):
    with working(store):
        job, next_one = ask(store, trouble="memory"), ask(store)
        assert ended(job) == "failed" and "memory" in job.why and ended(next_one) == "done"
    assert len((job.files / "started").read_text().split()) == TRIES


def test_a_lost_message_and_a_new_server_lose_no_job(store):
    lost = store.create("count", "visit:a", {})  # asked for, but the server ended before it was put in line
    begun = store.create("count", "visit:a", {})
    begun._write(LIVE, {"standing": ["count", 1, 3, 0.0, 0.0]})
    assert begun.state == "waiting" and begun.standing is None
    with working(store):
        assert ended(lost) == ended(begun) == "done"


def test_what_is_in_line_is_not_put_there_twice(store):
    ask(store)
    store.create("count", "visit:a", {})
    for _ in range(3):
        recover(store, "light")
    assert line(str(store.folder), "light").pending_count() == 2


def test_a_worker_ends_with_its_server_even_when_that_is_killed(store):
    code = (
        "import sys, time; from counting import CountingWorkers; from studio.jobs.store import Store\n"
        "with CountingWorkers(Store(sys.argv[1]), ('light',)): time.sleep(600)"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    server = subprocess.Popen([sys.executable, "-c", code, str(store.folder)], env=os.environ | {"PYTHONPATH": path})
    job = ask(store, to=2000, pause_s=0.02)
    pid_of(job)
    server.kill()
    server.wait()
    wait_for(lambda: job.state == "waiting")
    assert job.begun and job.standing is None
    with working(store):
        wait_for(lambda: job.standing)
        job.stop()
        assert ended(job) == "stopped"


def test_nobody_who_looks_keeps_a_worker_out(store):
    """A page looks every second whether a job is alive, for which it has the lock for a moment."""
    jobs = [store.create("count", "visit:a", {"to": 1}) for _ in range(20)]
    over = threading.Event()

    def look():
        while not over.is_set():
            for job in Store(store.folder).listing():
                _ = job.state

    for job in jobs:
        (job.path / "lock").touch()
    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    for job in jobs:
        work_at(job)
    over.set()
    for looker in lookers:
        looker.join()
    assert {job.state for job in jobs} == {"done"}


def test_two_workers_of_one_line_do_each_job_once(store):
    jobs = [ask(store, to=2, pause_s=0.1) for _ in range(8)]
    with working(store), working(store):
        assert {ended(job) for job in jobs} == {"done"}
    assert all(len((job.files / "started").read_text().split()) == 1 for job in jobs)
    assert len({(job.files / "started").read_text() for job in jobs}) == 2


def test_a_job_that_was_deleted_while_it_waited_ends_no_worker(store):
    gone, next_one = ask(store), ask(store)
    shutil.rmtree(gone.path)
    with working(store):
        assert ended(next_one) == "done"


def test_workers_are_found_wherever_the_server_was_started(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Path(environment()["PYTHONPATH"].split(os.pathsep)[0]) == ROOT
    with working(store):
        assert ended(ask(store)) == "done"


def test_on_a_space_with_a_lent_accelerator_threads_of_the_server_do_the_jobs(store, monkeypatch):
    monkeypatch.setattr(zero, "_LENT", ("heavy_count",))
    left = store.create("count", "visit:a", {"to": 2})
    with zero.Threads(store):
        jobs = [left, ask(store, "heavy_count", to=2), ask(store, to=2), ask(store, trouble="sentence")]
        assert [ended(job) for job in jobs] == ["done", "done", "done", "failed"]
        running = ask(store, "heavy_count", to=1000, pause_s=0.05)
        pid_of(running)
    assert ended(running) == "stopped"
    assert {pid_of(job) for job in jobs} == {os.getpid()}


def test_the_accelerator_is_lent_for_as_long_as_the_job_takes(store, tmp_path):
    def cloning(count, height, width):
        driving = draw(tmp_path / "driving.mp4", numbered(count, height, width))
        return zero.seconds(
            store.create("clone", "visit:a", {"driving": "driving.mp4"}, [(driving, "driving.mp4")]).path
        )

    assert 20 < cloning(30, 48, 64) < cloning(30, 720, 1280) < cloning(300, 48, 64) < 120
    training = store.create("train", "visit:a", {"minutes": 3})
    assert 180 < zero.seconds(training.path) < 400


def test_a_space_lends_for_the_seconds_that_are_reckoned_from_the_job(tmp_path):
    """`spaces` is only on Spaces; what it must give is `GPU(duration=...)`, which decorates a function."""
    (tmp_path / "spaces.py").write_text(
        "def GPU(duration):\n"
        "    def decorate(function):\n"
        "        def run(folder):\n"
        "            print(duration(folder))\n"
        "            return function(folder)\n"
        "        return run\n"
        "    return decorate\n"
    )
    code = (
        "import sys; from studio import zero; from studio.jobs.store import Store\n"
        "store = Store(sys.argv[1]); job = store.create('train', 'visit:a', {'minutes': 2})\n"
        "zero.TASKS['train'] = zero.TASKS['train']._replace(module='none')\n"
        "zero._do_lent(job, None); print(zero.ON, job.state, 'torch' in sys.modules)"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": path, "SPACES_ZERO_GPU": "true"}
    command = [sys.executable, "-c", code, str(tmp_path / "studio")]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert run.stdout.split() == ["240", "True", "failed", "False"], run.stderr
