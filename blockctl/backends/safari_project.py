"""An Xcode project for Safari: one app, and one content blocker extension for each JSON file.

Its identity is one build setting, BLOCKCTL_BUNDLE, from which the bundle identifiers and the app group follow. The
format of project.pbxproj is an OpenStep property list; identifiers are derived: the same files make the same project.
"""

from __future__ import annotations

import hashlib
import json
import plistlib
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

Value = str | list["Value"] | dict[str, "Value"]

APP = "Blockctl"
BUNDLE = "app.blockctl.blocker"
APP_SOURCES = ("BlockctlApp.swift", "ContentView.swift", "Updater.swift", "Shared.swift")
BLOCKER_SOURCES = ("ContentBlockerRequestHandler.swift", "Shared.swift")
TYPES = {".swift": "sourcecode.swift", ".plist": "text.plist.xml", ".entitlements": "text.plist.entitlements",
         ".json": "text.json"}  # fmt: skip
ENTITLEMENTS = f"{APP}.entitlements"
GROUP = "group.$(BLOCKCTL_BUNDLE)"


def project(sources: Mapping[str, bytes], rules: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of the project by path. `sources` are Swift files, `rules` the content blockers' JSON files."""
    files = {f"Sources/{name}": text for name, text in sources.items()}
    files |= {f"Rules/{name}": text for name, text in rules.items()}
    files[ENTITLEMENTS] = plistlib.dumps({
        "com.apple.security.app-sandbox": True,
        "com.apple.security.network.client": True,
        "com.apple.security.application-groups": [GROUP],
    })  # fmt: skip
    files[f"{APP}-Info.plist"] = _info("APPL", list(rules), {
        "UILaunchScreen": {},
        "NSAppTransportSecurity": {"NSAllowsLocalNetworking": True},
        "NSLocalNetworkUsageDescription": "The rules come from blockctl on your own network.",
    })  # fmt: skip
    for name in rules:
        files[f"{_stem(name)}-Info.plist"] = _info("XPC!", [name], {
            "NSExtension": {
                "NSExtensionPointIdentifier": "com.apple.Safari.content-blocker",
                "NSExtensionPrincipalClass": "$(PRODUCT_MODULE_NAME).ContentBlockerRequestHandler",
            },
        })  # fmt: skip
    files[f"{APP}.xcodeproj/project.pbxproj"] = _Project(list(rules)).text().encode("ascii")
    return files


def _info(kind: str, rules: list[str], more: dict[str, object]) -> bytes:
    return plistlib.dumps({
        "CFBundleDevelopmentRegion": "en",
        "CFBundleExecutable": "$(EXECUTABLE_NAME)",
        "CFBundleIdentifier": "$(PRODUCT_BUNDLE_IDENTIFIER)",
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleName": "$(PRODUCT_NAME)",
        "CFBundleDisplayName": "blockctl" if kind == "APPL" else f"blockctl: {_stem(rules[0])}",
        "CFBundlePackageType": kind,
        "CFBundleShortVersionString": "$(MARKETING_VERSION)",
        "CFBundleVersion": "$(CURRENT_PROJECT_VERSION)",
        "BlockctlBundle": "$(BLOCKCTL_BUNDLE)",
        "BlockctlGroup": GROUP,
        "BlockctlFiles": rules,
    } | more)  # fmt: skip


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


class _Project:
    """The objects of project.pbxproj, by identifier."""

    def __init__(self, rules: list[str]) -> None:
        self.objects: dict[str, dict[str, Value]] = {}
        infos = [f"{APP}-Info.plist", *(f"{_stem(name)}-Info.plist" for name in rules)]
        sources = dict.fromkeys((*APP_SOURCES, *BLOCKER_SOURCES))
        paths = [*(f"Sources/{name}" for name in sources), *(f"Rules/{name}" for name in rules), *infos, ENTITLEMENTS]
        references = {path: self._reference(path) for path in paths}
        blockers = [self._blocker(name) for name in rules]
        app = self._target(APP, "application", APP, APP_SOURCES, ())
        self._embed(app, blockers)
        targets = [app, *(target for target, _ in blockers)]
        products = [str(self.objects[target]["productReference"]) for target in targets]
        folder = self._add("group:products", "PBXGroup", children=list(products), name="Products", sourceTree="<group>")
        main = self._add("group", "PBXGroup", children=[*references.values(), folder], sourceTree="<group>")
        self.root = self._add(
            "project", "PBXProject", attributes={"LastUpgradeCheck": "1500"}, compatibilityVersion="Xcode 14.0",
            buildConfigurationList=self._configurations("project", _shared()), developmentRegion="en",
            hasScannedForEncodings="0", knownRegions=["en", "Base"], mainGroup=main, productRefGroup=folder,
            projectDirPath="", projectRoot="", targets=list(targets),
        )  # fmt: skip

    def text(self) -> str:
        """Return the file."""
        whole: Value = {
            "archiveVersion": "1", "classes": {}, "objectVersion": "56",
            "objects": {key: self.objects[key] for key in sorted(self.objects)}, "rootObject": self.root,
        }  # fmt: skip
        return f"// !$*UTF8*$!\n{_openstep(whole, 0)}\n"

    def _add(self, what: str, isa: str, **fields: Value) -> str:
        key = _identifier(what)
        self.objects[key] = {"isa": isa, **fields}
        return key

    def _reference(self, path: str) -> str:
        kind = TYPES[PurePosixPath(path).suffix]
        return self._add(f"file:{path}", "PBXFileReference", lastKnownFileType=kind, path=path, sourceTree="<group>")

    def _blocker(self, rules: str) -> tuple[str, str]:
        """Add an extension; return the target and its product."""
        target = self._target(_stem(rules), "app-extension", f"{APP}-{_stem(rules)}", BLOCKER_SOURCES, (rules,))
        return target, str(self.objects[target]["productReference"])

    def _target(self, name: str, kind: str, product: str, sources: Sequence[str], rules: Sequence[str]) -> str:
        is_app = kind == "application"
        ending, described = ("app", "wrapper.application") if is_app else ("appex", "wrapper.app-extension")
        made = self._add(
            f"product:{name}", "PBXFileReference", explicitFileType=described, includeInIndex="0",
            path=f"{product}.{ending}", sourceTree="BUILT_PRODUCTS_DIR",
        )  # fmt: skip
        phases: list[Value] = [
            self._phase(name, "PBXSourcesBuildPhase", [f"Sources/{each}" for each in sources]),
            self._phase(name, "PBXFrameworksBuildPhase", []),
            self._phase(name, "PBXResourcesBuildPhase", [f"Rules/{each}" for each in rules]),
        ]
        more: dict[str, Value] = {} if is_app else {"APPLICATION_EXTENSION_API_ONLY": "YES", "SKIP_INSTALL": "YES"}
        settings: dict[str, Value] = {
            "CODE_SIGN_ENTITLEMENTS": ENTITLEMENTS,
            "INFOPLIST_FILE": f"{name}-Info.plist",
            "PRODUCT_BUNDLE_IDENTIFIER": "$(BLOCKCTL_BUNDLE)" + ("" if is_app else f".{name}"),
            "PRODUCT_NAME": product,
            **more,
        }
        return self._add(
            f"target:{name}", "PBXNativeTarget", name=product, productName=product, productReference=made,
            productType=f"com.apple.product-type.{kind}", buildPhases=phases, buildRules=[], dependencies=[],
            buildConfigurationList=self._configurations(f"target:{name}", settings),
        )  # fmt: skip

    def _phase(self, name: str, isa: str, paths: list[str]) -> str:
        files: list[Value] = [
            self._add(f"build:{name}:{path}", "PBXBuildFile", fileRef=_identifier(f"file:{path}")) for path in paths
        ]
        return self._add(f"phase:{name}:{isa}", isa, buildActionMask="2147483647", files=files,
                         runOnlyForDeploymentPostprocessing="0")  # fmt: skip

    def _embed(self, app: str, blockers: list[tuple[str, str]]) -> None:
        """Build the extensions before the app and put them into it."""
        embedded: list[Value] = []
        depends: list[Value] = []
        for target, product in blockers:
            proxy = self._add(f"proxy:{target}", "PBXContainerItemProxy", containerPortal=_identifier("project"),
                              proxyType="1", remoteGlobalIDString=target, remoteInfo="blocker")  # fmt: skip
            depends.append(self._add(f"dependency:{target}", "PBXTargetDependency", target=target, targetProxy=proxy))
            embedded.append(self._add(f"embed:{target}", "PBXBuildFile", fileRef=product,
                                      settings={"ATTRIBUTES": ["RemoveHeadersOnCopy"]}))  # fmt: skip
        phase = self._add("phase:embed", "PBXCopyFilesBuildPhase", buildActionMask="2147483647", dstPath="",
                          dstSubfolderSpec="13", files=embedded, name="Embed Foundation Extensions",
                          runOnlyForDeploymentPostprocessing="0")  # fmt: skip
        phases = self.objects[app]["buildPhases"]
        assert isinstance(phases, list)
        self.objects[app] |= {"dependencies": depends, "buildPhases": [*phases, phase]}

    def _configurations(self, what: str, settings: dict[str, Value]) -> str:
        made: list[Value] = [
            self._add(f"configuration:{what}:{name}", "XCBuildConfiguration", buildSettings=settings | more, name=name)
            for name, more in (("Debug", {"SWIFT_OPTIMIZATION_LEVEL": "-Onone"}), ("Release", {}))
        ]
        return self._add(f"configurations:{what}", "XCConfigurationList", buildConfigurations=made,
                         defaultConfigurationIsVisible="0", defaultConfigurationName="Release")  # fmt: skip


def _shared() -> dict[str, Value]:
    return {
        "BLOCKCTL_BUNDLE": BUNDLE, "CODE_SIGN_STYLE": "Automatic", "CURRENT_PROJECT_VERSION": "1",
        "MARKETING_VERSION": "1.0", "GENERATE_INFOPLIST_FILE": "NO", "SWIFT_VERSION": "5.0", "SDKROOT": "auto",
        "SUPPORTED_PLATFORMS": "iphoneos iphonesimulator macosx", "TARGETED_DEVICE_FAMILY": "1,2",
        "IPHONEOS_DEPLOYMENT_TARGET": "16.0", "MACOSX_DEPLOYMENT_TARGET": "13.0",
    }  # fmt: skip


def _identifier(what: str) -> str:
    """Return 24 hexadecimal digits, as Xcode names its objects."""
    return hashlib.sha256(what.encode()).hexdigest()[:24].upper()


def _openstep(value: Value, depth: int) -> str:
    pad = "\t" * (depth + 1)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        return "(\n" + "".join(f"{pad}{_openstep(each, depth + 1)},\n" for each in value) + "\t" * depth + ")"
    lines = (f"{pad}{json.dumps(key)} = {_openstep(each, depth + 1)};\n" for key, each in value.items())
    return "{\n" + "".join(lines) + "\t" * depth + "}"
