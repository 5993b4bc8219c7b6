"""How gunicorn serves the site: `gunicorn -c python:config.gunicorn config.wsgi`.

On one machine it listens on the loopback only; in a container `WEB_BIND=0.0.0.0:8000` behind the proxy.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

_memory = "/dev/shm"
# Each process writes its figures here; any of them can then answer /metrics for all.
_own = Path(tempfile.gettempdir()) / f"qingshu-figures-{os.getpid()}"
_figures = Path(os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(_own)))

bind = os.environ.get("WEB_BIND", f"127.0.0.1:{os.environ.get('PORT') or 8000}")
workers = int(os.environ.get("WEB_WORKERS", "2"))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "4"))
preload_app = True  # one import for all workers
timeout = 60
graceful_timeout = 15
keepalive = 5
max_requests = 5000
max_requests_jitter = 500
worker_tmp_dir = _memory if os.access(_memory, os.W_OK) else None
accesslog = os.environ.get("WEB_ACCESS_LOG") or None
errorlog = "-"
control_socket_disable = True
forwarded_allow_ips = os.environ.get("WEB_PROXY_ADDRESSES", "127.0.0.1,::1")
proc_name = "qingshu-web"

if not os.environ.get("QINGSHU_FIGURES_READY"):
    shutil.rmtree(_figures, ignore_errors=True)
    _figures.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["QINGSHU_FIGURES_READY"] = "1"  # a reload must not empty it


def child_exit(server: Any, worker: Any) -> None:
    """Take a dead worker out of the live figures."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Leave nothing behind."""
    shutil.rmtree(_figures, ignore_errors=True)
