import SwiftUI

/// One screen: where the rules come from, and what became of each file.
struct ContentView: View {
    @AppStorage("address", store: Shared.defaults) private var address = ""
    @State private var states: [String: String] = [:]
    @State private var isBusy = false

    var body: some View {
        Form {
            Section("Address of the rules") {
                TextField("https://192.168.1.2:5380/lists/...", text: $address)
                    .autocorrectionDisabled()
                Button("Fetch and reload", action: update)
                    .disabled(isBusy)
            }
            Section("Content blockers") {
                ForEach(Shared.files, id: \.self) { file in
                    LabeledContent(file, value: states[file] ?? "as it was")
                }
            }
            Text("Switch the content blockers on in Safari's settings, under Extensions.")
        }
        .onAppear(perform: update)
    }

    private func update() {
        guard !isBusy else { return }
        isBusy = true
        Task { @MainActor in
            for file in Shared.files {
                states[file] = await Updater.update(file, from: address)
            }
            isBusy = false
        }
    }
}
