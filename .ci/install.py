"""Make `.venv` from a hashed lock: `python3 .ci/install.py run|dev`. Standard library only.

The labelling editor's static files come from a package of their own lock; the rest of that package is thrown away.
Quick when nothing changed (a stamp inside `.venv` holds the hashes of what it was made from), and
whole again after a broken-off installation, a moved folder or another Python.
"""

import glob
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "qingshu-stamp.json")
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
NEEDS = (3, 11)
EDITOR_LOCK = "requirements-editor.lock"
EDITOR_SOURCE = os.path.join("web", "dist", "libs", "editor")  # inside the package
EDITOR_TARGET = os.path.join(VENV, "share", "label-studio-editor")
EDITOR_KEPT = ("main.js", "main.css", "main.js.LICENSE.txt", "3rdpartylicenses.txt")


def fail(sentence):
    print("make: " + sentence, file=sys.stderr)
    sys.exit(1)


def fingerprint(*names):
    found = hashlib.sha256()
    for name in names:
        with open(os.path.join(ROOT, name), "rb") as stream:
            found.update(stream.read() + b"\0")
    return found.hexdigest()


def wanted_stamp(kind):
    return {
        "kind": kind,
        "lock": fingerprint(LOCKS[kind]),
        "editor": fingerprint(EDITOR_LOCK),
        "project": fingerprint("pyproject.toml"),
        "python": "%d.%d" % sys.version_info[:2],
        "root": ROOT,
    }


def kept_stamp():
    try:
        with open(STAMP, encoding="utf-8") as stream:
            return json.load(stream)
    except (OSError, ValueError):
        return {}


def is_current(kind):
    """Whether `.venv` fits; one with the development tools also fits for running."""
    kept = kept_stamp()
    if not os.access(VENV_PYTHON, os.X_OK):
        return False
    fitting = {each for each in (kind, "dev") if os.path.exists(os.path.join(ROOT, LOCKS[each]))}
    return any(kept == wanted_stamp(each) for each in fitting)


def run(command, sentence, **options):
    """Run a command; on failure show its end and say the sentence."""
    outcome = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, **options)
    if outcome.returncode:
        said = outcome.stdout.decode("utf-8", "replace").strip().splitlines()
        print("\n".join(said[-15:]), file=sys.stderr)
        fail(sentence)
    return outcome.stdout.decode("utf-8", "replace")


def quietly(command):
    """Whether a command exists and succeeds."""
    try:
        return (
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT).returncode
            == 0
        )
    except OSError:
        return False


def make_venv():
    """A new `.venv` unless the present one works, belongs to this folder and to this Python."""
    version = "%d.%d" % sys.version_info[:2]
    kept = kept_stamp()
    ask = (
        "import sys; sys.exit(sys.prefix == sys.base_prefix or '%d.%d' % sys.version_info[:2] != sys.argv[1])"
    )
    if (
        kept.get("root", ROOT) == ROOT
        and os.path.exists(VENV_PYTHON)
        and quietly([VENV_PYTHON, "-c", ask, version])
    ):
        return
    base = getattr(sys, "_base_executable", None) or sys.executable
    if not quietly([base, "-c", "import venv"]):
        fail(
            "this Python has no venv module; install it (Debian: apt-get install python3-venv) or set PYTHON="
        )
    shutil.rmtree(VENV, ignore_errors=True)
    run(
        [base, "-m", "venv", "--without-pip", VENV],
        "the virtual environment .venv could not be made; see above.",
    )


def pip():
    """The command that installs into `.venv` with pip, its own or that of the calling Python."""
    if quietly([VENV_PYTHON, "-m", "pip", "--version"]):
        return [VENV_PYTHON, "-m", "pip"]
    if quietly([sys.executable, "-m", "pip", "--version"]):
        return [sys.executable, "-m", "pip", "--python", VENV_PYTHON]
    if quietly([VENV_PYTHON, "-m", "ensurepip"]):
        return [VENV_PYTHON, "-m", "pip"]
    return fail("this Python has neither pip nor ensurepip; install one (Debian: python3-pip) or set PYTHON=")


def locked_lines(name, lock):
    """One package's lines of the lock, with its hashes."""
    with open(os.path.join(ROOT, lock), encoding="utf-8") as stream:
        lines = stream.read().splitlines()
    kept, inside = [], False
    for line in lines:
        if line and not line[0].isspace() and not line.startswith("#"):
            inside = line.startswith(name + "==")
        if inside and not line.strip().startswith("#"):
            kept.append(line)
    return "\n".join(kept) + "\n"


def install_uv(kind):
    if quietly([VENV_PYTHON, "-m", "uv", "--version"]):
        return True
    with tempfile.TemporaryDirectory() as folder:
        wanted = os.path.join(folder, "uv.txt")
        with open(wanted, "w", encoding="utf-8") as stream:
            stream.write(locked_lines("uv", LOCKS[kind]))
        return quietly([*pip(), "install", "--quiet", "--no-deps", "--require-hashes", "-r", wanted])


def package_index():
    """pip's own index, if one is set: uv does not read pip's settings."""
    if os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        return {}
    if os.environ.get("PIP_INDEX_URL"):
        return {"UV_DEFAULT_INDEX": os.environ["PIP_INDEX_URL"]}
    asked = subprocess.run(
        [*pip(), "config", "get", "global.index-url"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    found = asked.stdout.decode().strip()
    return {"UV_DEFAULT_INDEX": found} if found else {}


def install(kind):
    lock = LOCKS[kind]
    by_uv = install_uv(kind)
    environment = dict(os.environ, UV_LINK_MODE=os.environ.get("UV_LINK_MODE", ""), **package_index())
    if not environment["UV_LINK_MODE"]:
        del environment["UV_LINK_MODE"]
    uv = [VENV_PYTHON, "-m", "uv", "pip"]
    synced = by_uv and quietly_with(
        [*uv, "sync", "--quiet", "--python", VENV_PYTHON, "--require-hashes", lock], environment
    )
    if not synced:
        print("  · uv could not install; trying pip, which takes longer", flush=True)
        run(
            [*pip(), "install", "--quiet", "--require-hashes", "-r", lock],
            "the packages of %s could not be installed; check the network or pip's index setting." % lock,
        )
    run(
        [
            *uv,
            "install",
            "--quiet",
            "--python",
            VENV_PYTHON,
            "--no-deps",
            "--no-build-isolation",
            "--offline",
            "-e",
            ".",
        ]
        if by_uv
        else [*pip(), "install", "--quiet", "--no-deps", "--no-build-isolation", "-e", "."],
        "the project itself could not be installed into .venv; see above.",
    )


def editor_version():
    with open(os.path.join(ROOT, EDITOR_LOCK), encoding="utf-8") as stream:
        return next(line.split("==")[1].split()[0] for line in stream if line.startswith("label-studio=="))


def install_editor():
    """Keep the editor's few static files, and a packed copy of the large ones; the package itself goes."""
    target = os.path.join(EDITOR_TARGET, editor_version())
    if os.path.exists(os.path.join(target, "main.js.gz")):
        return
    wanted = ["--no-deps", "--require-hashes", "-r", EDITOR_LOCK]
    uv = [VENV_PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", VENV_PYTHON, "--no-build"]
    with tempfile.TemporaryDirectory() as folder:
        by_uv = quietly([VENV_PYTHON, "-m", "uv", "--version"]) and quietly_with(
            [*uv, "--target", folder, *wanted], dict(os.environ, **package_index())
        )
        if not by_uv:
            by_pip = [*pip(), "install", "--quiet", "--only-binary", ":all:"]
            run(
                [*by_pip, "--target", folder, *wanted],
                "the labelling editor of %s could not be installed; check the network or pip's index setting."
                % EDITOR_LOCK,
            )
        source = os.path.join(folder, EDITOR_SOURCE)
        shutil.rmtree(EDITOR_TARGET, ignore_errors=True)
        os.makedirs(target)
        for name in EDITOR_KEPT:
            shutil.copyfile(os.path.join(source, name), os.path.join(target, name))
    for name in ("main.css", "main.js"):
        with open(os.path.join(target, name), "rb") as plain:
            packed = gzip.compress(plain.read(), mtime=0)
        with open(os.path.join(target, name + ".gz"), "wb") as stream:
            stream.write(packed)


def quietly_with(command, environment):
    outcome = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, env=environment
    )
    if outcome.returncode:
        print(outcome.stdout.decode("utf-8", "replace").strip()[-800:], file=sys.stderr)
    return outcome.returncode == 0


def compile_translations():
    """Write each .mo that is missing or older than its .po (they are not kept in the repository)."""
    for source in glob.glob(os.path.join(ROOT, "locale", "*", "LC_MESSAGES", "*.po")):
        target = source[:-3] + ".mo"
        if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(source):
            script = "import sys, polib; polib.pofile(sys.argv[1]).save_as_mofile(sys.argv[2])"
            run([VENV_PYTHON, "-c", script, source, target], "%s could not be compiled; see above." % source)


def main():
    kind = sys.argv[1] if len(sys.argv) > 1 else "run"
    if kind not in LOCKS:
        fail("say `run` or `dev`.")
    if sys.version_info[:2] < NEEDS:
        fail(
            "Python %d.%d or newer is needed, %s is %d.%d; name another one with PYTHON=/path/to/python3."
            % (*NEEDS, sys.executable, *sys.version_info[:2])
        )
    if not is_current(kind):
        begun = time.monotonic()
        try:
            make_venv()
        except OSError as error:
            fail(".venv could not be made: %s." % error)
        install(kind)
        install_editor()
        with open(STAMP, "w", encoding="utf-8") as stream:
            json.dump(wanted_stamp(kind), stream)
        print("  ✓ %-16s %6.1f s  %s" % ("packages", time.monotonic() - begun, LOCKS[kind]), flush=True)
    compile_translations()


if __name__ == "__main__":
    main()
