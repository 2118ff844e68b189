import Foundation

/// Hands Safari the newest rules: those fetched, else those that were exported with the project.
final class ContentBlockerRequestHandler: NSObject, NSExtensionRequestHandling {
    func beginRequest(with context: NSExtensionContext) {
        let file = Shared.files.first ?? ""
        let fetched = Shared.kept(file).flatMap { FileManager.default.fileExists(atPath: $0.path) ? $0 : nil }
        let exported = Bundle.main.url(forResource: file, withExtension: nil)
        guard let rules = fetched ?? exported, let provider = NSItemProvider(contentsOf: rules) else {
            context.cancelRequest(withError: CocoaError(.fileNoSuchFile))
            return
        }
        let item = NSExtensionItem()
        item.attachments = [provider]
        context.completeRequest(returningItems: [item], completionHandler: nil)
    }
}
