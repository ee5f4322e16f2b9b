"""NeMo-Skills' own sandbox client, unchanged, against `qed sandbox`.

usage: nemo_skills_sandbox.py CHECKOUT    (of https://github.com/NVIDIA-NeMo/Skills; needs httpx, tqdm)

Not a part of the test suite: their code is not in this repository. `docs/clients.md` has what it
showed. Only `nemo_skills/code_execution/sandbox.py` is loaded; what it imports for Lean proofs and
for help texts, and the packages behind that, are stood in for.
"""

import asyncio
import importlib.util
import pathlib
import sys
import types

from sandbox_run import sandbox


def load_client(checkout):
    """The class of their client for a sandbox at a host and port."""
    stand_ins = {"nemo_skills": {}, "nemo_skills.code_execution": {},
                 "nemo_skills.code_execution.proof_utils": {
                     "ProofBuildConfig": None, "determine_proof_status": None,
                     "prepare_predicted_proof_from_line_dict": None},
                 "nemo_skills.utils": {"get_logger_name": lambda name: name,
                                       "python_doc_to_cmd_help": lambda *_, **__: ""}}
    for name, content in stand_ins.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(content)
    path = pathlib.Path(checkout) / "nemo_skills" / "code_execution" / "sandbox.py"
    spec = importlib.util.spec_from_file_location("nemo_skills.code_execution.sandbox", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.LocalSandbox


def expect(output, status, out, err=""):
    assert (output["process_status"], output["stdout"], output["stderr"]) == (status, out, err), output


async def sessions(client):
    """A session keeps its variables; errors, limits and time-outs come back as texts."""
    output, session = await client.execute_code("x = 20\nx + 1")
    expect(output, "completed", "21\n")
    output, _ = await client.execute_code("x * 2", session_id=session)
    expect(output, "completed", "40\n")
    output, _ = await client.execute_code("1 / 0", session_id=session)
    assert output["process_status"] == "error" and "ZeroDivisionError" in output["stdout"], output
    output, _ = await client.execute_code("print('a' * 50)", session_id=session,
                                          max_output_characters=10)
    expect(output, "completed", "a" * 10 + "<output cut>")
    output, _ = await client.execute_code("while True: pass", session_id=session, timeout=0.5)
    expect(output, "timeout", "", "Execution timed out after 0.5 seconds\n")
    await client.delete_session(str(session))
    await client.delete_session(str(session))  # a 404 is taken for done


async def restored(client):
    """A session that was lost is restored by the client from its history."""
    _, session = await client.execute_code("y = 5", session_id="restored")
    await client.execute_code("z = y + 1", session_id=session)
    output, _ = await client.execute_code("import os; os._exit(0)", session_id=session)
    assert output["process_status"] == "error", output
    output, _ = await client.execute_code("y, z", session_id=session)
    expect(output, "completed", "(5, 6)\n")


async def languages(client):
    for language, code, out in (("python", "print(6 * 7)", "42\n"), ("python3", "print(input())", "in\n"),
                                ("shell", "echo $((6 * 7))", "42\n")):
        output, session = await client.execute_code(code, language=language, std_input="in\n")
        expect(output, "completed", out)
        assert session is None
    output, _ = await client.execute_code("exit 3", language="shell")
    expect(output, "error", "")
    for verbosity in ("plain", "minimal", "context", "verbose"):
        output, _ = await client.execute_code("1 / 0", traceback_verbosity=verbosity)
        assert "ZeroDivisionError" in output["stdout"], output


async def forgotten_sessions(client):
    """Calls without an id make a session each, which nobody deletes."""
    outputs = []
    for start in range(0, 300, 20):
        calls = [client.execute_code(f"{number} + 0") for number in range(start, start + 20)]
        outputs += await asyncio.gather(*calls)
    for number, (output, _) in enumerate(outputs):
        expect(output, "completed", f"{number}\n")


async def overload(client):
    """What it makes of a refusal: an error with a text."""
    slow = [asyncio.create_task(client.execute_code("import time; time.sleep(4)")) for _ in range(2)]
    await asyncio.sleep(1)
    output, _ = await client.execute_code("1")
    assert output["process_status"] == "error" and "overloaded" in output["stderr"], output
    await asyncio.gather(*slow)


async def run(client, tests):
    for test in tests:
        await test(client)
        print("ok", test.__name__, flush=True)
    await client.close()


def main():
    client = load_client(sys.argv[1])
    with sandbox("--sandbox-max-sessions", "32") as server:
        tests = (sessions, restored, languages, forgotten_sessions)
        asyncio.run(run(client(port=str(server.port)), tests))
    with sandbox("--workers", "2", "--sandbox-max-wait", "0.5") as server:
        asyncio.run(run(client(port=str(server.port)), (overload,)))


if __name__ == "__main__":
    main()
