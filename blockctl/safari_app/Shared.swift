import Foundation

/// What the app and its extensions both know; the values come from their Info.plist.
enum Shared {
    static let group = text("BlockctlGroup")
    static let files = Bundle.main.object(forInfoDictionaryKey: "BlockctlFiles") as? [String] ?? []
    static let defaults = UserDefaults(suiteName: group)

    static func text(_ key: String) -> String {
        Bundle.main.object(forInfoDictionaryKey: key) as? String ?? ""
    }

    /// The bundle identifier of the extension that carries a file.
    static func blocker(of file: String) -> String {
        text("BlockctlBundle") + "." + file.replacingOccurrences(of: ".json", with: "")
    }

    /// Where a fetched file is kept; nil where the app group is missing from the entitlements.
    static func kept(_ file: String) -> URL? {
        FileManager.default.containerURL(forSecurityApplicationGroupIdentifier: group)?.appendingPathComponent(file)
    }
}
