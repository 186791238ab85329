"""Checks the three files of a winget package: required keys, the same package and version in all, a sound checksum.

With a folder of the published schemas (schemas/JSON/manifests/v1.6.0 of microsoft/winget-cli), also against those.

    python3 check.py FOLDER [SCHEMAS]
"""

import json
import pathlib
import re
import sys

import yaml

SHARED = ("PackageIdentifier", "PackageVersion", "ManifestType", "ManifestVersion")
FILES = {
    "version": ("phaseshift.yaml", ("DefaultLocale",)),
    "defaultLocale": (
        "phaseshift.locale.en-US.yaml",
        ("PackageLocale", "Publisher", "PackageName", "License", "ShortDescription"),
    ),
    "installer": ("phaseshift.installer.yaml", ("Installers",)),
}


def check(folder: pathlib.Path, schemas: pathlib.Path | None) -> None:
    names = set()
    for kind, (file, required) in FILES.items():
        manifest = yaml.safe_load((folder / file).read_text())
        missing = [key for key in SHARED + required if not manifest.get(key)]
        assert not missing, f"{file} lacks {missing}"
        assert manifest["ManifestType"] == kind, file
        names.add((manifest["PackageIdentifier"], manifest["PackageVersion"], manifest["ManifestVersion"]))
        for installer in manifest.get("Installers", []):
            assert re.fullmatch("[0-9A-Fa-f]{64}", installer["InstallerSha256"]), file
            assert installer["InstallerUrl"].startswith("https://"), file
        if schemas:
            import jsonschema

            schema = json.loads((schemas / f"manifest.{kind}.{manifest['ManifestVersion']}.json").read_text())
            jsonschema.validators.validator_for(schema)(schema).validate(manifest)
    assert len(names) == 1, names
    how = "required keys and published schemas" if schemas else "required keys"
    print(f"winget: three manifests fit ({how})")


check(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None)
