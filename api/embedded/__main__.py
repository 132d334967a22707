"""What the keeper becomes when a server's last user is gone."""

import sys
from pathlib import Path

from api.embedded.keeper import wait_for_last
from api.embedded.server import EmbeddedPostgres

_folder = Path(sys.argv[1])
while not EmbeddedPostgres(_folder, use=False).stop():
    wait_for_last(_folder)
