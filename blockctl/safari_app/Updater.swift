import Foundation
import SafariServices

/// Fetches a file of rules, keeps it where the extension finds it, and has Safari compile it.
enum Updater {
    static let mostBytes = 64 << 20

    /// Says for people what became of the file. What does not arrive whole leaves the one before.
    static func update(_ file: String, from address: String) async -> String {
        do {
            if !address.isEmpty {
                try await fetch(file, from: address)
            }
            try await SFContentBlockerManager.reloadContentBlocker(withIdentifier: Shared.blocker(of: file))
            return address.isEmpty ? "as exported" : "up to date"
        } catch {
            return error.localizedDescription
        }
    }

    private static func fetch(_ file: String, from address: String) async throws {
        guard let folder = URL(string: address), let kept = Shared.kept(file) else {
            throw URLError(.badURL)
        }
        let (data, response) = try await URLSession.shared.data(from: folder.appendingPathComponent(file))
        guard let answer = response as? HTTPURLResponse, answer.statusCode == 200 else {
            throw URLError(.badServerResponse)
        }
        guard data.count <= mostBytes, try JSONSerialization.jsonObject(with: data) is [Any] else {
            throw URLError(.cannotParseResponse)
        }
        try data.write(to: kept, options: .atomic)
    }
}
