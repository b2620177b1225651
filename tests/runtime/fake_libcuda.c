/* libcuda.so.1 without a GPU: the contract of the CUDA driver API, enforced.
 *
 *   gcc -shared -fPIC -O1 -o libcuda.so.1 fake_libcuda.c -ldl -lpthread
 *   (-DWITHOUT_GRAPHS: as before CUDA 10.1)
 *
 * One device. What is documented to fail fails with the documented code:
 * - "device" memory is kept in a table; its addresses are mapped nowhere, so that the CPU cannot
 *   read them, and they are never given out twice: a host pointer, or one of memory that was freed,
 *   is CUDA_ERROR_INVALID_VALUE. New memory is filled with 0xCD.
 * - Copies want page-locked host memory of cuMemHostAlloc. (A real driver takes any, but is then
 *   no longer asynchronous.)
 * - What is put on a stream waits there until somebody synchronises: a read before that sees the
 *   old bytes, and a source that is overwritten before that is copied overwritten. Streams know
 *   nothing of each other but by events. The null stream does all that waits, then its own work.
 * - Calls need a current context (CUDA_ERROR_INVALID_CONTEXT), and things belong to the context
 *   they were made in.
 * - While a stream captures, nothing runs and allocating or synchronising spoils the capture.
 * - An error inside a stream stays: every later call gives it again, as after a faulty kernel.
 * - Freeing what a waiting copy uses, and freeing twice, is noted as a violation. What dies with
 *   its context instead of being freed is counted as lost.
 *
 * Hooks, exported beside the driver's functions (fake_cuda.py wraps them):
 *   fake_reset()                              as after loading
 *   fake_device(name, major, minor, integrated, bytes)
 *   fake_fail(function, nth, code)            the nth call from now of a function ("cuMemAlloc",
 *                                             without _v2; "*": of any) gives code. A call that
 *                                             frees something frees it nevertheless, as a real one
 *                                             does that reports an earlier error.
 *   fake_calls(function), fake_call(index)    how often it was called; the name of the nth call
 *   fake_live(kind)                           0 device memory, 1 host memory, 2 streams, 3 events,
 *                                             4 graphs, 5 executable graphs, 6 contexts held
 *   fake_device_bytes(), fake_lost(), fake_violations(), fake_violation()
 *   fake_read(address, to, n), fake_write(address, from, n)
 *                                             what a kernel does: device memory, at once; CUresult
 *   fake_enqueue(stream, callback, argument)  what a launch does: int callback(void *argument) is
 *                                             called when the stream comes to it, and again at each
 *                                             replay of a graph; not 0 becomes the stream's error
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int CUresult;
typedef unsigned long long CUdeviceptr;
typedef void *Handle;
typedef int (*Callback)(void *);

enum {
    SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100,
    INVALID_DEVICE = 101, INVALID_CONTEXT = 201, INVALID_HANDLE = 400, NOT_FOUND = 500,
    NOT_READY = 600, ILLEGAL_ADDRESS = 700, NOT_SUPPORTED = 801, CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901, ILLEGAL_STATE = 401
};

static const struct { int code; const char *name; } NAMES[] = {
    {0, "CUDA_SUCCESS"}, {1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"},
    {3, "CUDA_ERROR_NOT_INITIALIZED"}, {4, "CUDA_ERROR_DEINITIALIZED"},
    {34, "CUDA_ERROR_STUB_LIBRARY"}, {46, "CUDA_ERROR_DEVICE_UNAVAILABLE"},
    {100, "CUDA_ERROR_NO_DEVICE"}, {101, "CUDA_ERROR_INVALID_DEVICE"},
    {201, "CUDA_ERROR_INVALID_CONTEXT"}, {400, "CUDA_ERROR_INVALID_HANDLE"},
    {401, "CUDA_ERROR_ILLEGAL_STATE"}, {500, "CUDA_ERROR_NOT_FOUND"},
    {600, "CUDA_ERROR_NOT_READY"}, {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
    {719, "CUDA_ERROR_LAUNCH_FAILED"}, {801, "CUDA_ERROR_NOT_SUPPORTED"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"}, {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"}, {999, "CUDA_ERROR_UNKNOWN"}};

/* ---- state ------------------------------------------------------------------------------- */

typedef enum { DEVICE, HOST, STREAM, EVENT, GRAPH, EXEC, KINDS } Kind;
typedef enum { TO_DEVICE, TO_HOST, CALL, RECORD, WAIT } Work;

typedef struct {
    Work work;
    CUdeviceptr device;
    unsigned char *host;
    size_t bytes;
    Callback callback;
    void *argument;
    int event;      /* index, of RECORD and WAIT */
    int generation; /* of the event's recording */
} Op;

typedef struct {
    Kind kind;
    int alive, context;
    /* memory */
    CUdeviceptr address; /* 0: host memory that is not mapped */
    unsigned char *data;
    size_t bytes;
    /* streams, graphs */
    Op *ops;
    int n_ops, room, done_ops;
    int capturing, spoiled, running;
    /* events */
    int recorded_on, generation, done_generation;
    double time_ms;
} Thing;

enum { FIRST_HANDLE = 0x50000000, STEP = 16, PRIMARY = 1, MOST_CONTEXTS = 64, MOST_PUSHED = 64 };
static const CUdeviceptr FIRST_ADDRESS = 0x100000000000ULL;
static const int ALIGNMENT = 512;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stopped = PTHREAD_COND_INITIALIZER;
static Thing **things;
static int n_things, room_for_things;
static CUdeviceptr next_address;
static int initialised, retains, alive_contexts[MOST_CONTEXTS], n_contexts, generation;
static int sticky, lost, violations;
static char violation[200];
static double now_ms;
static char device_name[100];
static int major_cc, minor_cc, integrated_gpu;
static size_t total_bytes, used_bytes;
static const char **calls;
static int n_calls, room_for_calls;
static char failing[64];
static int failing_in, failing_code;

static __thread int pushed[MOST_PUSHED], n_pushed, seen_generation;

static void violate(const char *what) {
    violations++;
    snprintf(violation, sizeof violation, "%s", what);
}

static Handle handle_of(int index) {
    return (Handle)(intptr_t)(FIRST_HANDLE + (intptr_t)index * STEP);
}

static int current(void) {
    if (seen_generation != generation) {
        seen_generation = generation;
        n_pushed = 0;
    }
    return n_pushed ? pushed[n_pushed - 1] : 0;
}

static Thing *thing_at(int index) { return things[index]; }

/* The thing behind a handle, dead or alive; NULL when it is none of that kind. */
static Thing *behind(Handle handle, Kind kind) {
    intptr_t offset = (intptr_t)handle - FIRST_HANDLE;
    if (offset < 0 || offset % STEP || offset / STEP >= n_things) return NULL;
    Thing *thing = thing_at((int)(offset / STEP));
    return thing->kind == kind ? thing : NULL;
}

static Thing *usable(Handle handle, Kind kind, CUresult *code) {
    Thing *thing = behind(handle, kind);
    *code = !thing || !thing->alive          ? INVALID_HANDLE
            : thing->context != current() ? INVALID_CONTEXT
                                          : SUCCESS;
    return *code ? NULL : thing;
}

static int new_thing(Kind kind) {
    if (n_things == room_for_things) {
        room_for_things = room_for_things ? 2 * room_for_things : 64;
        things = realloc(things, room_for_things * sizeof *things);
    }
    Thing *thing = calloc(1, sizeof *thing);
    thing->kind = kind;
    thing->alive = 1;
    thing->context = current();
    things[n_things] = thing;
    return n_things++;
}

static void add_op(Thing *thing, Op op) {
    if (thing->n_ops == thing->room) {
        thing->room = thing->room ? 2 * thing->room : 16;
        thing->ops = realloc(thing->ops, thing->room * sizeof op);
    }
    thing->ops[thing->n_ops++] = op;
}

/* Memory that holds all of [address, address + bytes), or NULL. */
static unsigned char *device_bytes(CUdeviceptr address, size_t bytes) {
    for (int i = 0; i < n_things; i++) {
        Thing *t = thing_at(i);
        if ((t->kind != DEVICE && t->kind != HOST) || !t->alive || !t->address) continue;
        if (address < t->address || address - t->address > t->bytes) continue;
        if (bytes > t->bytes - (address - t->address)) return NULL;
        return t->data + (address - t->address);
    }
    return NULL;
}

static int is_page_locked(const unsigned char *host, size_t bytes) {
    for (int i = 0; i < n_things; i++) {
        Thing *t = thing_at(i);
        if (t->kind != HOST || !t->alive || host < t->data) continue;
        if (host + bytes <= t->data + t->bytes) return 1;
    }
    return 0;
}

/* ---- entering and leaving a call --------------------------------------------------------- */

enum { ANYWHERE = 0, IN_CONTEXT = 1, NOT_IN_CAPTURE = 2, BEFORE_INIT = 4, DESPITE_ERROR = 8 };

static int injected(const char *function) {
    if (!failing_in || (strcmp(failing, "*") && strcmp(failing, function))) return 0;
    return --failing_in ? 0 : failing_code;
}

static int spoil_captures(void) {
    int found = 0;
    for (int i = 0; i < n_things; i++)
        if (thing_at(i)->kind == STREAM && thing_at(i)->alive && thing_at(i)->capturing)
            found = thing_at(i)->spoiled = 1;
    return found;
}

/* Takes the lock; the code is what the call has to give without doing anything, 0 to go on. */
static CUresult begin(const char *function, int rules) {
    pthread_mutex_lock(&lock);
    if (n_calls == room_for_calls) {
        room_for_calls = room_for_calls ? 2 * room_for_calls : 256;
        calls = realloc(calls, room_for_calls * sizeof *calls);
    }
    calls[n_calls++] = function;
    int code = injected(function);
    if (code) return code;
    if (!initialised && !(rules & BEFORE_INIT)) return NOT_INITIALIZED;
    if (sticky && !(rules & DESPITE_ERROR)) return sticky;
    if ((rules & IN_CONTEXT) && !current()) return INVALID_CONTEXT;
    if ((rules & NOT_IN_CAPTURE) && spoil_captures()) return CAPTURE_UNSUPPORTED;
    return SUCCESS;
}

static CUresult leave(CUresult code) {
    pthread_mutex_unlock(&lock);
    return code;
}

/* ---- streams at work --------------------------------------------------------------------- */

static CUresult run_until(Thing *stream, Thing *event, int wanted);

/* Runs one operation; the lock is open while a callback runs. */
static CUresult run_op(Op op) {
    unsigned char *device;
    CUresult code;
    now_ms += 1;
    switch (op.work) {
    case TO_DEVICE:
    case TO_HOST:
        device = device_bytes(op.device, op.bytes);
        if (!device || !is_page_locked(op.host, op.bytes)) return ILLEGAL_ADDRESS;
        memmove(op.work == TO_HOST ? op.host : device, op.work == TO_HOST ? device : op.host,
                op.bytes);
        return SUCCESS;
    case CALL:
        pthread_mutex_unlock(&lock);
        code = op.callback(op.argument);
        pthread_mutex_lock(&lock);
        return code;
    case RECORD:
        thing_at(op.event)->done_generation = op.generation;
        thing_at(op.event)->time_ms = now_ms;
        return SUCCESS;
    case WAIT:
        return run_until(thing_at(thing_at(op.event)->recorded_on), thing_at(op.event),
                         op.generation);
    }
    return SUCCESS;
}

/* Runs what waits on a stream: all of it, or until an event has happened. */
static CUresult run_until(Thing *stream, Thing *event, int wanted) {
    while (stream->running) pthread_cond_wait(&stopped, &lock);
    stream->running = 1;
    while (!sticky && stream->done_ops < stream->n_ops) {
        if (event && event->done_generation >= wanted) break;
        Op op = stream->ops[stream->done_ops++];
        CUresult code = run_op(op);
        if (code) sticky = code;
    }
    if (stream->done_ops == stream->n_ops) stream->done_ops = stream->n_ops = 0;
    stream->running = 0;
    pthread_cond_broadcast(&stopped);
    return sticky;
}

static CUresult run_everything(void) {
    for (int i = 0; i < n_things; i++)
        if (thing_at(i)->kind == STREAM && thing_at(i)->alive && !thing_at(i)->running)
            run_until(thing_at(i), NULL, 0);
    return sticky;
}

static CUresult put(Handle handle, Op op) {
    CUresult code;
    if (!handle) {
        if (spoil_captures()) return CAPTURE_UNSUPPORTED;
        run_everything();
        code = sticky ? sticky : run_op(op);
        return code ? (sticky = code) : SUCCESS;
    }
    Thing *stream = usable(handle, STREAM, &code);
    if (!code) add_op(stream, op);
    return code;
}

static int index_of(Handle handle) { return (int)(((intptr_t)handle - FIRST_HANDLE) / STEP); }

/* ---- the device -------------------------------------------------------------------------- */

CUresult cuInit(unsigned flags) {
    CUresult code = begin("cuInit", BEFORE_INIT);
    if (!code && flags) code = INVALID_VALUE;
    if (!code) initialised = 1;
    return leave(code);
}

CUresult cuDriverGetVersion(int *version) {
    CUresult code = begin("cuDriverGetVersion", BEFORE_INIT);
    if (!code) *version = 13000;
    return leave(code);
}

CUresult cuDeviceGetCount(int *count) {
    CUresult code = begin("cuDeviceGetCount", ANYWHERE);
    if (!code) *count = 1;
    return leave(code);
}

CUresult cuDeviceGet(int *device, int ordinal) {
    CUresult code = begin("cuDeviceGet", ANYWHERE);
    if (!code && ordinal) code = INVALID_DEVICE;
    if (!code) *device = 0;
    return leave(code);
}

CUresult cuDeviceGetName(char *name, int room, int device) {
    CUresult code = begin("cuDeviceGetName", ANYWHERE);
    if (!code && device) code = INVALID_DEVICE;
    if (!code) snprintf(name, (size_t)room, "%s", device_name);
    return leave(code);
}

CUresult cuDeviceGetAttribute(int *value, int which, int device) {
    CUresult code = begin("cuDeviceGetAttribute", ANYWHERE);
    if (!code && device) code = INVALID_DEVICE;
    if (!code) switch (which) {
        case 18: *value = integrated_gpu; break;
        case 19: case 41: *value = 1; break; /* maps host memory, one address space */
        case 75: *value = major_cc; break;
        case 76: *value = minor_cc; break;
        default: code = INVALID_VALUE;
        }
    return leave(code);
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, int device) {
    CUresult code = begin("cuDeviceTotalMem", ANYWHERE);
    if (!code && device) code = INVALID_DEVICE;
    if (!code) *bytes = total_bytes;
    return leave(code);
}

CUresult cuGetErrorName(CUresult error, const char **name) {
    CUresult code = begin("cuGetErrorName", BEFORE_INIT | DESPITE_ERROR);
    *name = NULL;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (NAMES[i].code == error) *name = NAMES[i].name;
    return leave(code ? code : *name ? SUCCESS : INVALID_VALUE);
}

/* "out of memory" */
CUresult cuGetErrorString(CUresult error, const char **text) {
    static char texts[sizeof NAMES / sizeof *NAMES][60];
    CUresult code = begin("cuGetErrorString", BEFORE_INIT | DESPITE_ERROR);
    *text = NULL;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (NAMES[i].code != error) continue;
        const char *name = strchr(strchr(NAMES[i].name, '_') + 1, '_');
        snprintf(texts[i], sizeof *texts, "%s", name ? name + 1 : "no error");
        for (char *at = texts[i]; *at; at++) *at = *at == '_' ? ' ' : (char)(*at | 32);
        *text = texts[i];
    }
    return leave(code ? code : *text ? SUCCESS : INVALID_VALUE);
}

/* ---- contexts ---------------------------------------------------------------------------- */

static void end_context(int context) {
    for (int i = 0; i < n_things; i++)
        if (thing_at(i)->alive && thing_at(i)->context == context) {
            thing_at(i)->alive = 0;
            if (thing_at(i)->kind == DEVICE) used_bytes -= thing_at(i)->bytes;
            lost++;
        }
    sticky = 0; /* a new context starts without the old one's error */
}

CUresult cuDevicePrimaryCtxRetain(Handle *context, int device) {
    CUresult code = begin("cuDevicePrimaryCtxRetain", DESPITE_ERROR);
    if (!code && device) code = INVALID_DEVICE;
    if (!code) {
        retains++;
        alive_contexts[PRIMARY] = 1;
        *context = handle_of(-PRIMARY);
    }
    return leave(code);
}

CUresult cuDevicePrimaryCtxRelease_v2(int device) {
    CUresult code = begin("cuDevicePrimaryCtxRelease", DESPITE_ERROR);
    if (device || !retains) {
        violate("the primary context was released once too often");
        return leave(code ? code : INVALID_CONTEXT);
    }
    if (!--retains) {
        end_context(PRIMARY);
        alive_contexts[PRIMARY] = 0;
    }
    return leave(code);
}

CUresult cuDevicePrimaryCtxRelease(int device) { return cuDevicePrimaryCtxRelease_v2(device); }

CUresult cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
    CUresult code = begin("cuDevicePrimaryCtxGetState", ANYWHERE);
    if (!code && device) code = INVALID_DEVICE;
    *flags = 0;
    *active = retains > 0;
    return leave(code);
}

static int context_id(Handle context) {
    intptr_t id = (FIRST_HANDLE - (intptr_t)context) / STEP;
    return id > 0 && id < MOST_CONTEXTS && alive_contexts[id] ? (int)id : 0;
}

static CUresult push(int id) {
    current();
    if (!id || n_pushed == MOST_PUSHED) return INVALID_CONTEXT;
    pushed[n_pushed++] = id;
    return SUCCESS;
}

CUresult cuCtxCreate_v2(Handle *context, unsigned flags, int device) {
    CUresult code = begin("cuCtxCreate", ANYWHERE);
    (void)flags;
    if (!code && device) code = INVALID_DEVICE;
    if (!code && n_contexts == MOST_CONTEXTS - 1) code = OUT_OF_MEMORY;
    if (!code) {
        alive_contexts[++n_contexts] = 1;
        *context = handle_of(-n_contexts);
        code = push(n_contexts);
    }
    return leave(code);
}

CUresult cuCtxCreate_v4(Handle *context, void *parameters, unsigned flags, int device) {
    (void)parameters;
    return cuCtxCreate_v2(context, flags, device);
}

CUresult cuCtxDestroy_v2(Handle context) {
    CUresult code = begin("cuCtxDestroy", ANYWHERE);
    int id = context_id(context);
    if (id <= PRIMARY) return leave(INVALID_CONTEXT);
    end_context(id);
    alive_contexts[id] = 0;
    if (current() == id) n_pushed--;
    return leave(code);
}

CUresult cuCtxPushCurrent_v2(Handle context) {
    CUresult code = begin("cuCtxPushCurrent", DESPITE_ERROR);
    if (!code) code = push(context_id(context));
    return leave(code);
}

CUresult cuCtxPopCurrent_v2(Handle *context) {
    CUresult code = begin("cuCtxPopCurrent", DESPITE_ERROR);
    int id = current();
    if (!id) return leave(INVALID_CONTEXT);
    if (context) *context = handle_of(-id);
    n_pushed--;
    return leave(code);
}

CUresult cuCtxGetCurrent(Handle *context) {
    CUresult code = begin("cuCtxGetCurrent", ANYWHERE);
    *context = current() ? handle_of(-current()) : NULL;
    return leave(code);
}

CUresult cuCtxSetCurrent(Handle context) {
    CUresult code = begin("cuCtxSetCurrent", ANYWHERE);
    current();
    if (!code && n_pushed) n_pushed--;
    if (!code && context) code = push(context_id(context));
    return leave(code);
}

CUresult cuCtxGetDevice(int *device) {
    CUresult code = begin("cuCtxGetDevice", IN_CONTEXT);
    *device = 0;
    return leave(code);
}

CUresult cuCtxGetApiVersion(Handle context, unsigned *version) {
    CUresult code = begin("cuCtxGetApiVersion", ANYWHERE);
    (void)context;
    *version = 3020;
    return leave(code);
}

CUresult cuCtxSynchronize(void) {
    CUresult code = begin("cuCtxSynchronize", IN_CONTEXT | NOT_IN_CAPTURE);
    return leave(code ? code : run_everything());
}

/* ---- memory ------------------------------------------------------------------------------ */

static CUresult allocate(Kind kind, size_t bytes, int addressed, Thing **made) {
    if (!bytes) return INVALID_VALUE;
    if (kind == DEVICE && bytes > total_bytes - used_bytes) return OUT_OF_MEMORY;
    unsigned char *data = malloc(bytes);
    if (!data) return OUT_OF_MEMORY;
    memset(data, 0xCD, bytes);
    Thing *thing = *made = thing_at(new_thing(kind));
    thing->data = data;
    thing->bytes = bytes;
    if (addressed) {
        thing->address = next_address;
        next_address += (bytes / ALIGNMENT + 2) * ALIGNMENT; /* a gap after each */
    }
    if (kind == DEVICE) used_bytes += bytes;
    return SUCCESS;
}

static int is_waited_for(const Thing *memory) {
    for (int i = 0; i < n_things; i++) {
        Thing *t = thing_at(i);
        if (t->kind != STREAM || !t->alive) continue;
        for (int j = t->done_ops; j < t->n_ops; j++) {
            Op op = t->ops[j];
            if (op.work != TO_DEVICE && op.work != TO_HOST) continue;
            if (memory->kind == HOST && op.host >= memory->data &&
                op.host < memory->data + memory->bytes) return 1;
            if (memory->address && op.device >= memory->address &&
                op.device < memory->address + memory->bytes) return 1;
        }
    }
    return 0;
}

static CUresult release_memory(Thing *memory) {
    if (is_waited_for(memory)) violate("memory was freed that a waiting copy uses");
    CUresult code = run_everything(); /* a real one waits for the device, too */
    memory->alive = 0;
    if (memory->kind == DEVICE) used_bytes -= memory->bytes;
    free(memory->data);
    memory->data = NULL;
    return code;
}

CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *all_bytes) {
    CUresult code = begin("cuMemGetInfo", IN_CONTEXT);
    if (!code) {
        *free_bytes = total_bytes - used_bytes;
        *all_bytes = total_bytes;
    }
    return leave(code);
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
    Thing *thing;
    CUresult code = begin("cuMemAlloc", IN_CONTEXT | NOT_IN_CAPTURE);
    if (!code) code = allocate(DEVICE, bytes, 1, &thing);
    if (!code) *address = thing->address;
    return leave(code);
}

CUresult cuMemFree_v2(CUdeviceptr address) {
    CUresult code = begin("cuMemFree", IN_CONTEXT | NOT_IN_CAPTURE);
    for (int i = 0; i < n_things && current(); i++) {
        Thing *t = thing_at(i);
        if (t->kind != DEVICE || !t->alive || t->address != address) continue;
        CUresult own = release_memory(t);
        return leave(code ? code : own);
    }
    violate("cuMemFree of what is not allocated, or not in this context");
    return leave(code ? code : INVALID_VALUE);
}

CUresult cuMemHostAlloc(void **host, size_t bytes, unsigned flags) {
    Thing *thing;
    CUresult code = begin("cuMemHostAlloc", IN_CONTEXT | NOT_IN_CAPTURE);
    if (!code && flags > 7) code = INVALID_VALUE;
    if (!code) code = allocate(HOST, bytes, (flags & 2) != 0, &thing);
    if (!code) *host = thing->data;
    return leave(code);
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *address, void *host, unsigned flags) {
    CUresult code = begin("cuMemHostGetDevicePointer", IN_CONTEXT);
    if (!code && flags) code = INVALID_VALUE;
    for (int i = 0; i < n_things && !code; i++) {
        Thing *t = thing_at(i);
        if (t->kind != HOST || !t->alive || t->data != host || !t->address) continue;
        *address = t->address;
        return leave(SUCCESS);
    }
    return leave(code ? code : INVALID_VALUE);
}

CUresult cuMemFreeHost(void *host) {
    CUresult code = begin("cuMemFreeHost", IN_CONTEXT | NOT_IN_CAPTURE);
    for (int i = 0; i < n_things && current(); i++) {
        Thing *t = thing_at(i);
        if (t->kind != HOST || !t->alive || t->data != host) continue;
        CUresult own = release_memory(t);
        return leave(code ? code : own);
    }
    violate("cuMemFreeHost of what is not allocated, or not in this context");
    return leave(code ? code : INVALID_VALUE);
}

static CUresult copy(Work work, CUdeviceptr device, void *host, size_t bytes, Handle stream) {
    if (!device_bytes(device, bytes) || !is_page_locked(host, bytes)) return INVALID_VALUE;
    Op op = {.work = work, .device = device, .host = host, .bytes = bytes};
    return put(stream, op);
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, Handle stream) {
    CUresult code = begin("cuMemcpyHtoDAsync", IN_CONTEXT);
    return leave(code ? code : copy(TO_DEVICE, to, (void *)from, bytes, stream));
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, Handle stream) {
    CUresult code = begin("cuMemcpyDtoHAsync", IN_CONTEXT);
    return leave(code ? code : copy(TO_HOST, from, to, bytes, stream));
}

/* ---- streams ----------------------------------------------------------------------------- */

CUresult cuStreamCreate(Handle *stream, unsigned flags) {
    CUresult code = begin("cuStreamCreate", IN_CONTEXT);
    if (!code && flags > 1) code = INVALID_VALUE;
    if (!code) *stream = handle_of(new_thing(STREAM));
    return leave(code);
}

CUresult cuStreamDestroy_v2(Handle stream) {
    CUresult code = begin("cuStreamDestroy", IN_CONTEXT), own;
    Thing *thing = usable(stream, STREAM, &own);
    if (!thing) {
        violate("cuStreamDestroy of what is no stream, or not in this context");
        return leave(code ? code : own);
    }
    own = run_until(thing, NULL, 0); /* a real one lets the work end first */
    thing->alive = 0;
    return leave(code ? code : own);
}

static CUresult synchronise_stream(Handle handle) {
    CUresult code;
    if (!handle) return run_everything();
    Thing *stream = usable(handle, STREAM, &code);
    if (code) return code;
    if (!stream->capturing) return run_until(stream, NULL, 0);
    stream->spoiled = 1;
    return CAPTURE_UNSUPPORTED;
}

CUresult cuStreamSynchronize(Handle stream) {
    CUresult code = begin("cuStreamSynchronize", IN_CONTEXT);
    return leave(code ? code : synchronise_stream(stream));
}

CUresult cuStreamQuery(Handle handle) {
    CUresult code = begin("cuStreamQuery", IN_CONTEXT), own;
    Thing *stream = usable(handle, STREAM, &own);
    if (code || own) return leave(code ? code : own);
    return leave(stream->n_ops > stream->done_ops ? NOT_READY : SUCCESS);
}

CUresult cuStreamWaitEvent(Handle stream, Handle event, unsigned flags) {
    CUresult code = begin("cuStreamWaitEvent", IN_CONTEXT), own;
    (void)flags;
    Thing *thing = usable(event, EVENT, &own);
    if (code || own) return leave(code ? code : own);
    if (!thing->generation) return leave(SUCCESS); /* never recorded: nothing to wait for */
    Op op = {.work = WAIT, .event = index_of(event), .generation = thing->generation};
    return leave(put(stream, op));
}

/* ---- events ------------------------------------------------------------------------------ */

CUresult cuEventCreate(Handle *event, unsigned flags) {
    CUresult code = begin("cuEventCreate", IN_CONTEXT);
    if (!code && flags > 7) code = INVALID_VALUE;
    if (!code) *event = handle_of(new_thing(EVENT));
    return leave(code);
}

CUresult cuEventDestroy_v2(Handle event) {
    CUresult code = begin("cuEventDestroy", IN_CONTEXT), own;
    Thing *thing = usable(event, EVENT, &own);
    if (thing)
        thing->alive = 0;
    else
        violate("cuEventDestroy of what is no event, or not in this context");
    return leave(code ? code : own);
}

CUresult cuEventRecord(Handle event, Handle stream) {
    CUresult code = begin("cuEventRecord", IN_CONTEXT), own;
    Thing *thing = usable(event, EVENT, &own);
    if (code || own) return leave(code ? code : own);
    if (stream && !usable(stream, STREAM, &own)) return leave(own);
    thing->recorded_on = stream ? index_of(stream) : 0;
    Op op = {.work = RECORD, .event = index_of(event), .generation = ++thing->generation};
    return leave(put(stream, op));
}

CUresult cuEventSynchronize(Handle event) {
    CUresult code = begin("cuEventSynchronize", IN_CONTEXT), own;
    Thing *thing = usable(event, EVENT, &own);
    if (code || own) return leave(code ? code : own);
    if (thing->done_generation >= thing->generation) return leave(sticky);
    Thing *stream = thing_at(thing->recorded_on);
    if (stream->capturing) {
        stream->spoiled = 1;
        return leave(CAPTURE_UNSUPPORTED);
    }
    return leave(run_until(stream, thing, thing->generation));
}

CUresult cuEventQuery(Handle event) {
    CUresult code = begin("cuEventQuery", IN_CONTEXT), own;
    Thing *thing = usable(event, EVENT, &own);
    if (code || own) return leave(code ? code : own);
    return leave(thing->done_generation < thing->generation ? NOT_READY : SUCCESS);
}

/* Each operation of any stream takes a millisecond. */
CUresult cuEventElapsedTime(float *ms, Handle start, Handle end) {
    CUresult code = begin("cuEventElapsedTime", IN_CONTEXT), own, other;
    Thing *first = usable(start, EVENT, &own), *last = usable(end, EVENT, &other);
    if (code || own || other) return leave(code ? code : own ? own : other);
    if (!first->generation || !last->generation) return leave(INVALID_HANDLE);
    if (first->done_generation < first->generation || last->done_generation < last->generation)
        return leave(NOT_READY);
    *ms = (float)(last->time_ms - first->time_ms);
    return leave(SUCCESS);
}

CUresult cuEventElapsedTime_v2(float *ms, Handle start, Handle end) {
    return cuEventElapsedTime(ms, start, end);
}

/* ---- graphs ------------------------------------------------------------------------------ */

#ifndef WITHOUT_GRAPHS
CUresult cuStreamBeginCapture_v2(Handle stream, int mode) {
    CUresult code = begin("cuStreamBeginCapture", IN_CONTEXT), own;
    Thing *thing = usable(stream, STREAM, &own);
    if (!code && (mode < 0 || mode > 2)) code = INVALID_VALUE;
    if (code || own) return leave(code ? code : own);
    if (thing->capturing) return leave(ILLEGAL_STATE);
    run_until(thing, NULL, 0); /* what came before is not part of it */
    thing->capturing = 1;
    thing->spoiled = 0;
    return leave(sticky);
}

CUresult cuStreamEndCapture(Handle stream, Handle *graph) {
    CUresult code = begin("cuStreamEndCapture", IN_CONTEXT), own;
    Thing *thing = usable(stream, STREAM, &own);
    *graph = NULL;
    if (own) return leave(code ? code : own);
    if (!thing->capturing) return leave(code ? code : ILLEGAL_STATE);
    thing->capturing = 0;
    if (!code && thing->spoiled) code = CAPTURE_INVALIDATED;
    if (!code) {
        int index = new_thing(GRAPH);
        for (int i = 0; i < thing->n_ops; i++) add_op(thing_at(index), thing->ops[i]);
        *graph = handle_of(index);
    }
    thing->n_ops = thing->done_ops = 0;
    return leave(code);
}

CUresult cuGraphInstantiateWithFlags(Handle *exec, Handle graph, unsigned long long flags) {
    CUresult code = begin("cuGraphInstantiate", IN_CONTEXT), own;
    Thing *thing = usable(graph, GRAPH, &own);
    (void)flags;
    if (code || own) return leave(code ? code : own);
    int index = new_thing(EXEC);
    for (int i = 0; i < thing->n_ops; i++) add_op(thing_at(index), thing->ops[i]);
    *exec = handle_of(index);
    return leave(SUCCESS);
}

/* The symbol without a suffix keeps the arguments that it had in CUDA 10. */
CUresult cuGraphInstantiate(Handle *exec, Handle graph, Handle *node, char *log, size_t room) {
    if (node) *node = NULL;
    if (log && room) *log = 0;
    return cuGraphInstantiateWithFlags(exec, graph, 0);
}

CUresult cuGraphLaunch(Handle exec, Handle stream) {
    CUresult code = begin("cuGraphLaunch", IN_CONTEXT), own;
    Thing *thing = usable(exec, EXEC, &own);
    if (code || own) return leave(code ? code : own);
    for (int i = 0; i < thing->n_ops && !code; i++) code = put(stream, thing->ops[i]);
    return leave(code);
}

static CUresult end_graph(const char *function, Handle graph, Kind kind) {
    CUresult code = begin(function, IN_CONTEXT), own;
    Thing *thing = usable(graph, kind, &own);
    if (thing)
        thing->alive = 0;
    else
        violate("a graph was destroyed that is none, or not in this context");
    return leave(code ? code : own);
}

CUresult cuGraphDestroy(Handle graph) { return end_graph("cuGraphDestroy", graph, GRAPH); }
CUresult cuGraphExecDestroy(Handle exec) { return end_graph("cuGraphExecDestroy", exec, EXEC); }
#endif

/* ---- finding functions by name, as NVIDIA's Python bindings do ---------------------------- */

CUresult cuGetProcAddress_v2(const char *name, void **found, int version, uint64_t flags, int *how);
CUresult cuGetProcAddress(const char *name, void **found, int version, uint64_t flags);

static void *function_named(const char *name, int version) {
    static const char *const SUFFIXES[] = {"_v2", ""};
    char symbol[100];
    if (!strcmp(name, "cuGetProcAddress"))
        return version < 12000 ? (void *)cuGetProcAddress : (void *)cuGetProcAddress_v2;
    if (!strcmp(name, "cuCtxCreate") && version >= 13000) return (void *)cuCtxCreate_v4;
    if (!strcmp(name, "cuGraphInstantiate") && version >= 12000)
        name = "cuGraphInstantiateWithFlags";
    for (int i = 0; i < 2; i++) {
        snprintf(symbol, sizeof symbol, "%s%s", name, SUFFIXES[i]);
        Dl_info info;
        void *function = dlsym(RTLD_DEFAULT, symbol);
        Dl_info own;
        dladdr((void *)cuInit, &own);
        if (!function || !dladdr(function, &info) || info.dli_fbase != own.dli_fbase) {
            void *self = dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD);
            function = self ? dlsym(self, symbol) : NULL;
            if (self) dlclose(self);
        }
        if (function) return function;
    }
    return NULL;
}

CUresult cuGetProcAddress_v2(const char *name, void **found, int version, uint64_t flags,
                             int *how) {
    (void)flags;
    *found = function_named(name, version);
    if (how) *how = *found ? 0 : 1;
    return *found ? SUCCESS : NOT_FOUND;
}

CUresult cuGetProcAddress(const char *name, void **found, int version, uint64_t flags) {
    return cuGetProcAddress_v2(name, found, version, flags, NULL);
}

/* ---- hooks ------------------------------------------------------------------------------- */

void fake_device(const char *name, int major, int minor, int is_integrated, size_t bytes) {
    pthread_mutex_lock(&lock);
    snprintf(device_name, sizeof device_name, "%s", name);
    major_cc = major;
    minor_cc = minor;
    integrated_gpu = is_integrated;
    total_bytes = bytes;
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) void fake_reset(void) {
    fake_device("NVIDIA GeForce RTX 3090", 8, 6, 0, (size_t)1 << 30);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_things; i++) {
        if (thing_at(i)->alive) free(thing_at(i)->data);
        free(thing_at(i)->ops);
        free(things[i]);
    }
    n_things = n_calls = initialised = retains = sticky = lost = violations = failing_in = 0;
    memset(alive_contexts, 0, sizeof alive_contexts);
    n_contexts = PRIMARY;
    generation++; /* contexts that threads left pushed are gone */
    used_bytes = 0;
    now_ms = 0;
    if (!next_address) next_address = FIRST_ADDRESS;
    violation[0] = 0;
    pthread_mutex_unlock(&lock);
}

void fake_fail(const char *function, int nth, int code) {
    pthread_mutex_lock(&lock);
    snprintf(failing, sizeof failing, "%s", function);
    failing_in = nth;
    failing_code = code;
    pthread_mutex_unlock(&lock);
}

int fake_calls(const char *function) {
    int count = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_calls; i++)
        count += !strcmp(function, "*") || !strcmp(function, calls[i]);
    pthread_mutex_unlock(&lock);
    return count;
}

const char *fake_call(int index) {
    pthread_mutex_lock(&lock);
    const char *name = index >= 0 && index < n_calls ? calls[index] : NULL;
    pthread_mutex_unlock(&lock);
    return name;
}

int fake_live(int kind) {
    int count = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_things; i++)
        count += (int)thing_at(i)->kind == kind && thing_at(i)->alive;
    if (kind == KINDS) {
        count = retains;
        for (int i = PRIMARY + 1; i < MOST_CONTEXTS; i++) count += alive_contexts[i];
    }
    pthread_mutex_unlock(&lock);
    return count;
}

size_t fake_device_bytes(void) { return used_bytes; }
int fake_lost(void) { return lost; }
int fake_violations(void) { return violations; }
const char *fake_violation(void) { return violation; }

static CUresult touch(CUdeviceptr address, void *bytes, size_t n, int writes) {
    pthread_mutex_lock(&lock);
    unsigned char *device = device_bytes(address, n);
    if (device) memmove(writes ? device : bytes, writes ? bytes : device, n);
    return leave(device ? SUCCESS : ILLEGAL_ADDRESS);
}

CUresult fake_read(CUdeviceptr address, void *to, size_t n) { return touch(address, to, n, 0); }

CUresult fake_write(CUdeviceptr address, const void *from, size_t n) {
    return touch(address, (void *)from, n, 1);
}

/* As the CUDA runtime does: without a current context it is the primary one. */
CUresult fake_enqueue(Handle stream, Callback callback, void *argument) {
    pthread_mutex_lock(&lock);
    int bare = !current() && alive_contexts[PRIMARY];
    if (bare) push(PRIMARY);
    Op op = {.work = CALL, .callback = callback, .argument = argument};
    CUresult code = sticky ? sticky : !current() ? INVALID_CONTEXT : put(stream, op);
    if (bare) n_pushed--;
    return leave(code);
}
