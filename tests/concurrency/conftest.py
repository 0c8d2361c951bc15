"""A database of their own for the processes of a test; the module names its WORKER."""

import shutil

import pytest

from tests.concurrency.crowd import Crowd


@pytest.fixture(scope="module")
def prepared_files(request, tmp_path_factory):
    """A prepared box on SQLite, to be copied."""
    folder = tmp_path_factory.mktemp("prepared")
    Crowd(f"sqlite:///{folder}/books.sqlite3", folder, worker=request.module.WORKER).prepare()
    return folder


@pytest.fixture
def sqlite_crowd(request, prepared_files, tmp_path):
    shutil.copytree(prepared_files, tmp_path, dirs_exist_ok=True)  # its log comes along
    return Crowd(f"sqlite:///{tmp_path}/books.sqlite3", tmp_path, worker=request.module.WORKER)


@pytest.fixture
def postgres_crowd(request, postgres_url, tmp_path):
    return Crowd(postgres_url, tmp_path, worker=request.module.WORKER).prepare()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def crowd(request):
    return request.getfixturevalue("postgres_crowd" if request.param == "postgresql" else "sqlite_crowd")
