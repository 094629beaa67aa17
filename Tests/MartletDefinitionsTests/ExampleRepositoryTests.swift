import Glibc
import MartletCore
import MartletDefinitions
import Testing

@Suite("The repositories under examples/")
struct ExampleRepositoryTests {
    private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    @Test("load without a fault, come back from their texts, and pass the schema", arguments: ["payments"])
    func load(name: String) throws {
        let repository: FeatureRepository
        do {
            repository = try FeatureRepository.load(directory: "\(Self.root)/examples/\(name)")
        } catch {
            Issue.record("\(error)")
            return
        }
        #expect(repository.definitions.count > 4)
        for definition in repository.definitions {
            #expect(try Definition(canonical: definition.canonicalText) == definition)
        }
        let schema = try JSONSchema(DefinitionSchema.definitions)
        for path in Set(repository.definitions.map(\.about.place.file)) {
            let file = YAMLFile(parsing: try contents(path), file: path)
            for document in file.documents {
                #expect(schema.accepts(document.json), "\(document.place)")
            }
        }
        #expect(RepositoryDiff(from: repository.definitions, to: repository.definitions).isEmpty)
    }

    private func contents(_ path: String) throws -> [UInt8] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes[..<count])
    }
}
