// Predicts from a bundle's reference frames by ONNX Runtime's C API, and prints each output with
// all of its digits, one line a frame: ./predict BUNDLE. README.md beside this file says more.
// Nothing of a bundle is checked here: `auxdrive verify` does that.

#include <onnxruntime_c_api.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

static const OrtApi* ort = nullptr;

static void check(OrtStatus* status) {
    if (status == nullptr) return;
    const std::string message = ort->GetErrorMessage(status);
    ort->ReleaseStatus(status);
    throw std::runtime_error(message);
}

struct Array {  // of frames
    std::vector<int64_t> shape;
    std::vector<char> bytes;
    size_t row() const { return bytes.size() / static_cast<size_t>(shape.at(0)); }
};

// Reads an array that NumPy wrote, of the type "|u1" (bytes) or "<f4" (little-endian floats).
static Array read_npy(const std::string& path, const std::string& type, int64_t size) {
    std::ifstream file(path, std::ios::binary);
    char start[10] = {};
    file.read(start, sizeof start);
    if (!file || std::memcmp(start, "\x93NUMPY\x01\x00", 8) != 0)
        throw std::runtime_error(path + ": cannot be read as a .npy file of version 1.0");
    std::string header(static_cast<uint8_t>(start[8]) | static_cast<uint8_t>(start[9]) << 8, ' ');
    file.read(header.data(), static_cast<std::streamsize>(header.size()));
    if (!file || header.find("'" + type + "', 'fortran_order': False") == std::string::npos)
        throw std::runtime_error(path + ": not rows of " + type + ": " + header);
    Array array;
    std::istringstream axes(header.substr(header.find('(') + 1));  // "32, 3), }"
    for (int64_t axis; axes >> axis; axes.ignore(1)) {
        array.shape.push_back(axis);
        size *= axis;
    }
    array.bytes.resize(static_cast<size_t>(size));
    if (!file.read(array.bytes.data(), size)) throw std::runtime_error(path + ": cut off");
    return array;
}

static void predict(const std::string& bundle) {
    const Array images = read_npy(bundle + "/reference/images.npy", "|u1", 1);
    const Array ego = read_npy(bundle + "/reference/ego.npy", "<f4", 4);
    OrtEnv* env = nullptr;
    check(ort->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "predict", &env));
    OrtSessionOptions* options = nullptr;
    check(ort->CreateSessionOptions(&options));
    check(ort->SetIntraOpNumThreads(options, 1));  // as Predictor.load has it
    OrtSession* session = nullptr;
    check(ort->CreateSession(env, (bundle + "/model.onnx").c_str(), options, &session));
    OrtMemoryInfo* memory = nullptr;
    check(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
    OrtAllocator* allocator = nullptr;
    check(ort->GetAllocatorWithDefaultOptions(&allocator));
    // One tensor for each input, in memory of ours: the image with earlier ones, where the model
    // takes any, and the numbers beside them, which a row of ego.npy holds in the inputs' order.
    std::vector<char> image(images.row()), numbers(ego.row());
    const size_t at_once = images.shape.size() == 5 ? static_cast<size_t>(images.shape[1]) : 1;
    size_t count = 0, column = 0;
    check(ort->SessionGetInputCount(session, &count));
    std::vector<char*> names(count);
    std::vector<OrtValue*> inputs(count);
    for (size_t i = 0; i < count; ++i) {
        check(ort->SessionGetInputName(session, i, allocator, &names[i]));
        size_t place = 0;  // among the images
        const bool is_image = std::sscanf(names[i], "earlier_image_%zu", &place) == 1 ||
                              std::strcmp(names[i], "image") == 0;
        std::vector<int64_t> shape = {1, std::strcmp(names[i], "target_ego_m") == 0 ? 2 : 1};
        if (is_image) (shape = {images.shape.end() - 4, images.shape.end()})[0] = 1;
        const size_t size = is_image ? image.size() / at_once
                                     : static_cast<size_t>(shape[1]) * sizeof(float);
        char* data = is_image ? image.data() + place * size : numbers.data() + column;
        if (!is_image && (column += size) > numbers.size())
            throw std::runtime_error("ego.npy: too few columns for " + std::string(names[i]));
        const auto type =
            is_image ? ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
        check(ort->CreateTensorWithDataAsOrtValue(memory, data, size, shape.data(), shape.size(),
                                                  type, &inputs[i]));
    }
    char* name = nullptr;
    check(ort->SessionGetOutputName(session, 0, allocator, &name));
    for (size_t frame = 0; frame < static_cast<size_t>(images.shape[0]); ++frame) {
        std::copy_n(&images.bytes[frame * image.size()], image.size(), image.begin());
        std::copy_n(ego.bytes.data() + frame * numbers.size(), numbers.size(), numbers.begin());
        OrtValue* output = nullptr;
        check(ort->Run(session, nullptr, names.data(), inputs.data(), count, &name, 1, &output));
        OrtTensorTypeAndShapeInfo* info = nullptr;
        check(ort->GetTensorTypeAndShape(output, &info));
        size_t size = 0;
        check(ort->GetTensorShapeElementCount(info, &size));
        void* values = nullptr;
        check(ort->GetTensorMutableData(output, &values));
        for (size_t i = 0; i < size; ++i)
            std::printf("%.9g%c", static_cast<float*>(values)[i], i + 1 < size ? ' ' : '\n');
        ort->ReleaseTensorTypeAndShapeInfo(info);
        ort->ReleaseValue(output);
    }
}  // a loop that goes on releases inputs, names and session too

int main(int count, char** words) try {
    if (count != 2) throw std::runtime_error("usage: predict BUNDLE");
    setenv("ORT_DISABLE_TELEMETRY", "1", 1);  // 1.29 and later report their use over the network
    ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    if (ort == nullptr) throw std::runtime_error("the library is older than its header");
    predict(words[1]);
} catch (const std::exception& error) {
    std::fprintf(stderr, "predict: %s\n", error.what());
    return 1;
}
