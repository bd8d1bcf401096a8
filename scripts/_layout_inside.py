"""Runs inside a container of the `system` image: makes the images inside for one architecture, as an OCI layout.

/in as _seed_inside.py has it (and that as /in/seed.py), /in/root: Debian's files for another architecture
/out/layout: the layout, a manifest for each name
"""

from __future__ import annotations

import json
import os
import sys

sys.path.insert(0, "/in")
from seed import IN, OUT, Layout, make_tree  # the path above makes it importable

spec = json.loads((IN / "spec.json").read_text())
layout = Layout(OUT / "layout")
layers = {name: layout.layer(make_tree(name, recipe)) for name, recipe in spec["trees"].items()}
for image in spec["images"]:
    layout.image(image, [layers[tree] for tree in image["trees"]], spec["architecture"])
index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": layout.manifests}
(layout.folder / "index.json").write_text(json.dumps(index))
(layout.folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
for path in [layout.folder, *layout.folder.rglob("*")]:
    os.chown(path, spec["owner"], -1)
