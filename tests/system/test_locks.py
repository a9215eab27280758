import errno
import os
import subprocess
import sys

import pytest

from vtlab.system.locks import LOCK_FILE, lock_folder

WORK = {"purpose": "runs", "hint": "take another folder"}


def test_a_locked_folder_names_its_owner_and_what_to_do(tmp_path):
    lock = lock_folder(tmp_path / "runs", **WORK)
    said = rf"another process \({os.getpid()}\) is working in .*runs: wait for it, or take another folder"
    for _ in range(2):  # who is refused leaves the owner's name there
        with pytest.raises(ValueError, match=said):
            lock_folder(tmp_path / "runs", **WORK)
    lock.release()
    lock_folder(tmp_path / "runs", **WORK).release()


def test_a_lock_goes_with_its_process(tmp_path):
    code = (
        "import os, pathlib, sys; from vtlab.system.locks import lock_folder\n"
        "lock = lock_folder(pathlib.Path(sys.argv[1]), purpose='runs', hint='wait'); os._exit(1)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path]).returncode == 1
    assert (tmp_path / LOCK_FILE).exists()
    lock_folder(tmp_path, **WORK).release()


@pytest.mark.skipif(os.name == "nt", reason="how Unix locks")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_used_without(tmp_path, monkeypatch, number):
    def refuse(handle, operation):
        raise OSError(number, os.strerror(number))

    (tmp_path / ".half.tmp").touch()
    monkeypatch.setattr("fcntl.flock", refuse)
    lock_folder(tmp_path, **WORK).release()
    assert not (tmp_path / ".half.tmp").exists()


def test_a_folder_that_is_not_ours_to_write_is_named(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ValueError, match="cannot be written to"):
        lock_folder(tmp_path, **WORK)


def test_a_full_disk_costs_the_owners_name_only(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    lock = lock_folder(tmp_path, **WORK)
    with pytest.raises(ValueError, match="another process is working in"):
        lock_folder(tmp_path, **WORK)
    lock.release()
