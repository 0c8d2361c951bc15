"""These pages read the clock; here it stands near NOW."""

import pytest
import time_machine

from tests.conftest import NOW


@pytest.fixture(autouse=True)
def near_now():
    with time_machine.travel(NOW, tick=True):
        yield
