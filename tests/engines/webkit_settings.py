"""Settings for `webkit_driver.py`, which names the version of WebKit first."""

from gi.repository import WebKit2

FEATURES = {
    "AllowDisplayOfInsecureContent": True,
    "AllowRunningOfInsecureContent": True,
    "UpgradeKnownHostsToHTTPS": False,
    "UpgradeMixedContent": False,
}


def plain_settings():
    """Return settings under which a request goes where the page sends it, http from an https page too."""
    settings = WebKit2.Settings()
    features = settings.get_all_features()
    for feature in map(features.get, range(features.get_length())):
        if feature.get_identifier() in FEATURES:
            settings.set_feature_enabled(feature, FEATURES[feature.get_identifier()])
    return settings
