import SwiftUI

@main
struct BlockctlApp: App {
    var body: some Scene {
        WindowGroup {
            ContentView()
        }
    }
}
