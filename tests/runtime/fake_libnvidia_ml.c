/* libnvidia-ml.so.1 without a GPU: the calls that we make, with their documented errors.
 *
 *   gcc -shared -fPIC -o libnvidia-ml.so.1 fake_libnvidia_ml.c -lpthread
 *   -DBEFORE_535: the clocks' reasons have their old name
 *
 * Two cards. What is asked before nvmlInit_v2 or after nvmlShutdown is NVML_ERROR_UNINITIALIZED;
 * another handle than the library gave, or no place for the answer, is
 * NVML_ERROR_INVALID_ARGUMENT. Hooks, which fake_nvml.py wraps:
 *   fake_reset()               as after loading
 *   fake_fail(function, code)  the function gives that code; 0: no longer
 *   fake_set(what, number)     "milliwatts", "degrees", "mhz", "memory_mhz", "highest_mhz", "load",
 *                              "reasons", "cards"
 *   fake_delay_ms(function, n) a call of it takes so long
 *   fake_open()                how often nvmlInit_v2 succeeded without nvmlShutdown
 *   fake_calls(function)       how often it was called
 *   fake_asked()               index of the card that was last asked, -1 for none
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum {
    SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15
};

#define MOST 64
#define CARDS 2

typedef struct { unsigned int gpu, memory; } Utilization;

static struct { char name[64]; int code, delay_ms, calls; } functions[MOST];
static struct { char name[32]; unsigned long long number; } settings[MOST];
static const char *PLACES[CARDS] = {"00000000:01:00.0", "00000000:41:00.0"};
static int cards[CARDS], open_count, asked = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int slot(const char *name) {
    int i = 0;
    while (functions[i].name[0] && strcmp(functions[i].name, name)) i++;
    strcpy(functions[i].name, name);
    return i;
}

static unsigned long long setting(const char *name) {
    for (int i = 0; settings[i].name[0]; i++)
        if (!strcmp(settings[i].name, name)) return settings[i].number;
    return 0;
}

void fake_set(const char *name, unsigned long long number) {
    int i = 0;
    while (settings[i].name[0] && strcmp(settings[i].name, name)) i++;
    strcpy(settings[i].name, name);
    settings[i].number = number;
}

void fake_reset(void) {
    memset(functions, 0, sizeof functions);
    memset(settings, 0, sizeof settings);
    open_count = 0;
    asked = -1;
    fake_set("milliwatts", 312500);
    fake_set("degrees", 66);
    fake_set("mhz", 1695);
    fake_set("memory_mhz", 9751);
    fake_set("highest_mhz", 2100);
    fake_set("load", 97);
    fake_set("cards", CARDS);
}

__attribute__((constructor)) static void start(void) { fake_reset(); }

void fake_fail(const char *name, int code) { functions[slot(name)].code = code; }
void fake_delay_ms(const char *name, int ms) { functions[slot(name)].delay_ms = ms; }
int fake_calls(const char *name) { return functions[slot(name)].calls; }
int fake_open(void) { return open_count; }
int fake_asked(void) { return asked; }

static int enter(const char *name) {
    pthread_mutex_lock(&lock);
    int i = slot(name), code = functions[i].code, delay_ms = functions[i].delay_ms;
    functions[i].calls++;
    if (!code && !open_count && strcmp(name, "nvmlInit_v2")) code = UNINITIALIZED;
    pthread_mutex_unlock(&lock);
    if (delay_ms) usleep(delay_ms * 1000);
    return code;
}

static int of_card(const char *name, void *device, void *answer) {
    int code = enter(name);
    if (code) return code;
    if (!answer) return INVALID_ARGUMENT;
    for (int i = 0; i < CARDS; i++)
        if (device == &cards[i]) { asked = i; return SUCCESS; }
    return INVALID_ARGUMENT;
}

static int number(const char *name, void *device, unsigned int *answer, const char *what) {
    int code = of_card(name, device, answer);
    if (!code) *answer = (unsigned int)setting(what);
    return code;
}

int nvmlInit_v2(void) {
    int code = enter("nvmlInit_v2");
    if (!code) open_count++;
    return code;
}

int nvmlShutdown(void) {
    int code = enter("nvmlShutdown");
    if (!code) open_count--;
    return code;
}

const char *nvmlErrorString(int code) {
    switch (code) {
    case SUCCESS: return "Success";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case NOT_FOUND: return "Not Found";
    case 9: return "Driver Not Loaded";
    case GPU_IS_LOST: return "GPU is lost";
    default: return "Unknown Error";
    }
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
    int code = enter("nvmlDeviceGetHandleByIndex_v2");
    if (code) return code;
    if (index >= setting("cards") || !device) return INVALID_ARGUMENT;
    *device = &cards[index];
    return SUCCESS;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *place, void **device) {
    int code = enter("nvmlDeviceGetHandleByPciBusId_v2");
    if (code) return code;
    if (!place || !device) return INVALID_ARGUMENT;
    for (unsigned int i = 0; i < setting("cards"); i++) {
        /* CUDA writes four digits of the domain, NVML eight; it takes both. */
        if (strcmp(place, PLACES[i]) && strcmp(place, PLACES[i] + 4)) continue;
        *device = &cards[i];
        return SUCCESS;
    }
    return NOT_FOUND;
}

int nvmlDeviceGetName(void *device, char *name, unsigned int length) {
    static const char *NAME = "NVIDIA GeForce RTX 3090";
    int code = of_card("nvmlDeviceGetName", device, name);
    if (code) return code;
    if (length <= strlen(NAME)) return INSUFFICIENT_SIZE;
    strcpy(name, NAME);
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(void *device, unsigned int *milliwatts) {
    return number("nvmlDeviceGetPowerUsage", device, milliwatts, "milliwatts");
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *degrees) {
    if (sensor != 0) return INVALID_ARGUMENT;
    return number("nvmlDeviceGetTemperature", device, degrees, "degrees");
}

int nvmlDeviceGetClockInfo(void *device, int clock, unsigned int *mhz) {
    if (clock != 1 && clock != 2) return INVALID_ARGUMENT;
    return number("nvmlDeviceGetClockInfo", device, mhz, clock == 1 ? "mhz" : "memory_mhz");
}

int nvmlDeviceGetMaxClockInfo(void *device, int clock, unsigned int *mhz) {
    if (clock != 1) return INVALID_ARGUMENT;
    return number("nvmlDeviceGetMaxClockInfo", device, mhz, "highest_mhz");
}

int nvmlDeviceGetUtilizationRates(void *device, Utilization *load) {
    int code = of_card("nvmlDeviceGetUtilizationRates", device, load);
    if (!code) load->gpu = load->memory = (unsigned int)setting("load");
    return code;
}

#ifdef BEFORE_535
#define REASONS nvmlDeviceGetCurrentClocksThrottleReasons
#else
#define REASONS nvmlDeviceGetCurrentClocksEventReasons
#endif
#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

int REASONS(void *device, unsigned long long *reasons) {
    int code = of_card(TEXT(REASONS), device, reasons);
    if (!code) *reasons = setting("reasons");
    return code;
}
