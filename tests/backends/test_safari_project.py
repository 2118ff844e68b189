"""The Xcode project: whole in itself, every file there, Swift that can be read. Xcode itself is not here to open it."""

from __future__ import annotations

import plistlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from blockctl.backends.safari_project import project
from blockctl.io.safari_app import FOLDER, safari_sources
from tests.backends import openstep

RULES = {"network.json": b"[]", "cosmetic.json": b"[]", "network-2.json": b"[]"}
PBXPROJ = "Blockctl.xcodeproj/project.pbxproj"
IDENTIFIER = re.compile(r"[0-9A-F]{24}")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return project(safari_sources(), RULES)


@pytest.fixture(scope="module")
def whole(files: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = openstep.loads(files[PBXPROJ].decode("ascii"))
    return found


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    else:
        yield value


def of(whole: dict[str, Any], isa: str) -> list[dict[str, Any]]:
    return [each for each in whole["objects"].values() if each["isa"] == isa]


def test_every_object_is_there_and_used(whole: dict[str, Any]) -> None:
    named = {text for text in texts(whole) if IDENTIFIER.fullmatch(text)}
    assert named == set(whole["objects"])
    assert whole["objects"][whole["rootObject"]]["isa"] == "PBXProject"


def test_every_file_is_there(files: dict[str, bytes], whole: dict[str, Any]) -> None:
    paths = {each["path"] for each in of(whole, "PBXFileReference") if each["sourceTree"] == "<group>"}
    assert paths == set(files) - {PBXPROJ}
    settings = [each["buildSettings"] for each in of(whole, "XCBuildConfiguration")]
    assert {each[key] for each in settings for key in ("INFOPLIST_FILE", "CODE_SIGN_ENTITLEMENTS") if key in each} == {
        path for path in files if path.endswith((".plist", ".entitlements"))
    }


def test_an_extension_for_each_file(files: dict[str, bytes], whole: dict[str, Any]) -> None:
    objects = whole["objects"]
    app, *blockers = (objects[key] for key in objects[whole["rootObject"]]["targets"])
    assert app["productType"] == "com.apple.product-type.application"
    assert len(app["dependencies"]) == len(blockers) == len(RULES)
    (embed,) = of(whole, "PBXCopyFilesBuildPhase")
    assert [objects[each]["fileRef"] for each in embed["files"]] == [each["productReference"] for each in blockers]
    for blocker, name in zip(blockers, RULES, strict=True):
        phases = {objects[each]["isa"]: objects[each] for each in blocker["buildPhases"]}
        built = {isa: [objects[objects[key]["fileRef"]]["path"] for key in phase["files"]]
                 for isa, phase in phases.items()}  # fmt: skip
        assert built["PBXResourcesBuildPhase"] == [f"Rules/{name}"]
        assert "Sources/ContentBlockerRequestHandler.swift" in built["PBXSourcesBuildPhase"]
        configuration = objects[objects[blocker["buildConfigurationList"]]["buildConfigurations"][0]]["buildSettings"]
        stem = name.removesuffix(".json")
        assert configuration["PRODUCT_BUNDLE_IDENTIFIER"] == f"$(BLOCKCTL_BUNDLE).{stem}"
        info = plistlib.loads(files[configuration["INFOPLIST_FILE"]])
        assert info["BlockctlFiles"] == [name]
        assert info["NSExtension"]["NSExtensionPointIdentifier"] == "com.apple.Safari.content-blocker"


def test_property_lists(files: dict[str, bytes]) -> None:
    assert plistlib.loads(files["Blockctl-Info.plist"])["BlockctlFiles"] == list(RULES)
    group = plistlib.loads(files["Blockctl.entitlements"])["com.apple.security.application-groups"]
    assert [plistlib.loads(files["Blockctl-Info.plist"])["BlockctlGroup"]] == group


def test_the_sources_ask_for_keys_that_are_there(files: dict[str, bytes]) -> None:
    source = b"".join(safari_sources().values()).decode()
    asked = set(re.findall(r'"(Blockctl[A-Z]\w+)"', source))
    assert asked == {"BlockctlGroup", "BlockctlFiles", "BlockctlBundle"}
    for path in files:
        if path.endswith("-Info.plist"):
            assert asked <= set(plistlib.loads(files[path]))
    assert "class ContentBlockerRequestHandler" in source


def test_the_same_files_make_the_same_project(files: dict[str, bytes]) -> None:
    assert project(safari_sources(), RULES) == files


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.swift")), ids=lambda path: path.name)
def test_swift_can_be_read(path: Any) -> None:
    tree_sitter = pytest.importorskip("tree_sitter")
    swift = pytest.importorskip("tree_sitter_swift")
    parser = tree_sitter.Parser(tree_sitter.Language(swift.language()))
    assert not parser.parse(path.read_bytes()).root_node.has_error
    assert parser.parse(path.read_bytes().replace(b"{", b"", 1)).root_node.has_error


@pytest.mark.parametrize("text", ["{a = b}", "{a b;}", "(a", "{a = b; a = c;}", "a b", "= ;"])
def test_what_is_no_property_list(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        openstep.loads(text)
