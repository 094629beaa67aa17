#include "shim.h"

#include <atomic>
#include <memory>
#include <simdjson.h>

namespace {

struct Parser {
    simdjson::dom::parser parser;
    size_t depth = 0;
    bool is_busy = false;
    bool is_temporary = false;
};

// What a thread keeps between requests; a larger parser is freed after use.
constexpr size_t kept_capacity = 1 << 20;

thread_local std::unique_ptr<Parser> parser_of_thread;

Parser *take_parser() {
    if (!parser_of_thread) parser_of_thread = std::make_unique<Parser>();
    if (!parser_of_thread->is_busy) {
        parser_of_thread->is_busy = true;
        return parser_of_thread.get();
    }
    // A document of this thread is still in use.
    auto *parser = new Parser();
    parser->is_busy = true;
    parser->is_temporary = true;
    return parser;
}

void give_back(Parser *parser) {
    if (parser->is_temporary) {
        delete parser;
    } else if (parser->parser.capacity() > kept_capacity) {
        parser_of_thread.reset();
    } else {
        parser->is_busy = false;
    }
}

}  // namespace

extern "C" struct cmartlet_json cmartlet_json_parse(
    const uint8_t *bytes, size_t count, int is_padded, size_t depth_limit) {
    Parser *parser = nullptr;
    try {
        parser = take_parser();
        if (parser->parser.capacity() < count || parser->depth != depth_limit) {
            size_t capacity = 4096;
            while (capacity < count) capacity *= 2;
            auto error = parser->parser.allocate(capacity, depth_limit);
            if (error) {
                give_back(parser);
                return {nullptr, nullptr, nullptr, simdjson::error_message(error)};
            }
            parser->depth = depth_limit;
        }
        auto result = parser->parser.parse(bytes, count, !is_padded);
        if (result.error()) {
            const char *failure = simdjson::error_message(result.error());
            give_back(parser);
            return {nullptr, nullptr, nullptr, failure};
        }
        return {parser->parser.doc.tape.get(), parser->parser.doc.string_buf.get(), parser, nullptr};
    } catch (...) {
        if (parser) give_back(parser);
        return {nullptr, nullptr, nullptr, "no memory for the document"};
    }
}

extern "C" void cmartlet_json_release(struct cmartlet_json document) {
    if (document.owner) give_back(static_cast<Parser *>(document.owner));
}

extern "C" size_t cmartlet_thread_number(void) {
    static std::atomic<size_t> count{0};
    thread_local const size_t number = count.fetch_add(1, std::memory_order_relaxed);
    return number;
}
