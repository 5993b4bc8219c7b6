"""How gunicorn serves the site: `gunicorn -c python:config.gunicorn config.wsgi`.

On one machine it listens on the loopback only; in a container `WEB_BIND=0.0.0.0:8000` behind the proxy.
"""

import os

_memory = "/dev/shm"

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
