import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
pytest.importorskip("triton", reason="Triton is there on Linux only")


def test_in_the_interpreter_it_finds_the_paths_of_the_cpu():
    """All tests of ``interpreted``, in a process that has no GPU."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/aligner/interpreted.py",
         "--noconftest", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={
            **os.environ,
            "TRITON_INTERPRET": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "OMP_NUM_THREADS": "1",  # its arrays have a handful of numbers
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


KINDS = {
    "layout": "*i64", "emissions": "*fp32", "entry_cost": "*fp32", "words": "*i32",
    "tolls": "*fp32", "row_of": "*i32", "targets": "*i32", "first": "*i32",
    "after": "*i32", "sources": "*i32", "numbers": "*i32", "costs": "*fp32",
    "rows": "*fp64", "tops": "*i32", "choices": "*u8", "taken": "*i32",
    "states": "*i32", "jumped": "*i32", "ends": "*fp64",
    "blank": "i32", "begin": "i32", "end": "i32", "total": "i32",
}  # fmt: skip


@pytest.mark.skipif(torch.version.cuda is None, reason="torch is built without CUDA")
@pytest.mark.parametrize(
    "name,constants",
    [
        # One position a thread compiles in a third of the time.
        ("_advance", {"KEEP": True, "CHUNK": 512, "ARCS": 32}),
        ("_trace", {}),
    ],
)
def test_it_compiles_without_a_gpu(name, constants, tmp_path, monkeypatch):
    """What the interpreter forgives: types that change in a loop, mixed widths."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    import triton
    from triton.backends.compiler import GPUTarget

    from aligner import gpu_kernel

    function = getattr(gpu_kernel, name)
    signature = {
        argument: "constexpr" if argument in constants else KINDS[argument]
        for argument in function.arg_names
    }
    source = triton.compiler.ASTSource(function, signature, constants)
    compiled = triton.compile(
        source,
        target=GPUTarget("cuda", 80, 32),
        options={"num_warps": 16 if name == "_advance" else 1, "num_stages": 1},
    )
    assert ("bar.sync" in compiled.asm["ptx"]) == (name == "_advance")
    # Scores are read again after a barrier: never through the read-only cache.
    assert "ld.global.nc" not in compiled.asm["ptx"]
    assert len(compiled.asm["cubin"]) > 0
