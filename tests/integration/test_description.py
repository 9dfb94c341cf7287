"""The API against its own description: schemathesis makes requests of it, and compares the answers."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.support.server import Serve

SHARED_PORT_ONLY = True
SCHEMATHESIS = Path(sys.executable).with_name("st")
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "negative_data_rejection", "unsupported_method"),
)
ENDLESS = r"^/(stream|events)/"
"""Answers without an end; other tests read them."""
NOT_MADE = ("post_whep_session_id", "patch_whep_session_id_listener_id")
"""Operations whose bodies it can't make: SDP."""
EXAMPLES = 25
"""Requests of each kind to each route."""
SECONDS = 60


@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="schemathesis is not installed")
async def test_no_request_gets_an_answer_that_is_not_described(serve: Serve, music: Path, tmp_path: Path) -> None:
    async with serve(music, max_sessions=2_000, max_followers=2_000) as server:
        await asyncio.wait_for(server.station.first_audio.wait(), 10)
        await server.create("kitchen")
        follower = await server.follow("kitchen")
        (track, *_) = await server.scanned_tracks()
        config = tmp_path / "schemathesis.toml"
        config.write_text(
            f'[parameters]\n"path.session_id" = ["master", "kitchen", "{follower}", "nobody"]\n'
            f'"path.track_id" = ["{track["id"]}", "x"]\n"path.path" = ["js/main.js", "x"]\n'
        )
        process = await asyncio.create_subprocess_exec(
            *(SCHEMATHESIS, "--config-file", config, "run", f"{server.url}/api/openapi.json"),
            *("--checks", ",".join(CHECKS), "--exclude-path-regex", ENDLESS, "--phases", "examples,coverage,fuzzing"),
            *(option for name in NOT_MADE for option in ("--exclude-operation-id", name)),
            *("--max-examples", str(EXAMPLES), "--seed", "1", "--warnings", "off", "--no-color"),
            cwd=tmp_path,
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, output.decode()
        assert b"Test cases:" in output
