"""440,000 channels are imported into a running core within half a minute."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.gateway import Gateway
from tests.support.need import free_port
from tests.support.wait import until

pytestmark = pytest.mark.system
DEVICES = 220_000
WITHIN_S = 30.0


def test_a_city_of_channels_is_imported_in_time(tmp_path: Path) -> None:
    with (tmp_path / "city.csv").open("w", encoding="gbk") as file:
        file.write("企业,区县,行业,站点,资产,设备,型号,纬度,经度,投用日期,到期日期,设定值\n")
        for n in range(DEVICES):
            place = f"e-{n % 800},永和县,燃气,s-{n % 5000},储罐区 {n % 3000},GD-{n},gas/combustible_point"
            own = "lel:HH=45" if n % 50 == 0 else ""
            file.write(
                f"{place},{30 + n % 1000 / 1000:.3f},{120 + n % 777 / 1000:.3f},2024-03-01,2099-03-01,{own}\n"
            )
    with Gateway(tmp_path, free_port(), []) as gateway:
        core = gateway.start("process", "core")
        until(lambda: gateway.status() is not None, 60, "a core")
        began = time.monotonic()
        done = gateway.run("devices", "import", str(tmp_path / "city.csv"))
        took = time.monotonic() - began
        assert done.returncode == 0, done.stderr
        assert f"{DEVICES} devices with 440000 channels" in done.stdout
        assert f"the running core has it: {DEVICES} devices" in done.stdout
        assert took < WITHIN_S
        assert gateway.stop(core, 60) == 0
