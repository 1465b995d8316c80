/*
 * ATA hard disk: the commands.
 *
 * Source: T13/1321D ATA/ATAPI-5 and T13/1410D ATA/ATAPI-6, "Command descriptions"; CHS translation from ATA-1.
 * Modelled: READ/WRITE SECTORS, MULTIPLE and DMA in CHS, 28-bit and 48-bit addressing, VERIFY, SEEK, RECALIBRATE,
 *   INITIALIZE DEVICE PARAMETERS, IDENTIFY DEVICE, SET FEATURES, SET MULTIPLE, FLUSH CACHE, power modes (as states
 *   only), READ NATIVE MAX, READ/WRITE BUFFER.  Registers hold the last sector's address after a transfer, as ATA-1 asks.
 *   With the write cache switched off every write is followed by a flush of the host's file.
 * Not modelled: SMART, security, SET MAX, streaming, queued commands, READ/WRITE LONG: aborted, as a drive without
 *   these feature sets does.  An unreadable host sector is reported at the start of its chunk of up to 256 sectors.
 */
#include <errno.h>
#include <string.h>

#include "devices/ide_internal.h"
#include "machine/trace.h"

enum {
    CMD_READ_EXT = 0x24,
    CMD_READ_DMA_EXT = 0x25,
    CMD_READ_NATIVE_MAX_EXT = 0x27,
    CMD_READ_MULTIPLE_EXT = 0x29,
    CMD_WRITE_EXT = 0x34,
    CMD_WRITE_DMA_EXT = 0x35,
    CMD_WRITE_MULTIPLE_EXT = 0x39,
    CMD_VERIFY_EXT = 0x42,
    CMD_INITIALIZE_PARAMETERS = 0x91,
    CMD_READ_MULTIPLE = 0xc4,
    CMD_WRITE_MULTIPLE = 0xc5,
    CMD_SET_MULTIPLE = 0xc6,
    CMD_READ_DMA = 0xc8,
    CMD_WRITE_DMA = 0xca,
    CMD_STANDBY_IMMEDIATE = 0xe0,
    CMD_IDLE_IMMEDIATE = 0xe1,
    CMD_STANDBY = 0xe2,
    CMD_IDLE = 0xe3,
    CMD_READ_BUFFER = 0xe4,
    CMD_CHECK_POWER_MODE = 0xe5,
    CMD_SLEEP = 0xe6,
    CMD_FLUSH_CACHE = 0xe7,
    CMD_WRITE_BUFFER = 0xe8,
    CMD_FLUSH_CACHE_EXT = 0xea,
    CMD_IDENTIFY = 0xec,
    CMD_SET_FEATURES = 0xef,
    CMD_READ_NATIVE_MAX = 0xf8,
};

/* CHECK POWER MODE results. */
enum { POWER_STANDBY = 0x00, POWER_IDLE = 0x80, POWER_ACTIVE = 0xff };

/* How a command transfers. */
enum { T_READ = 1, T_WRITE = 2, T_VERIFY = 4, T_MULTIPLE = 8, T_DMA = 16, T_EXT = 32 };

static u8 transfer_kind(u8 command)
{
    switch (command) {
    case 0x20:
    case 0x21:
        return T_READ;
    case 0x30:
    case 0x31:
        return T_WRITE;
    case 0x40:
    case 0x41:
        return T_VERIFY;
    case CMD_READ_EXT:
        return T_READ | T_EXT;
    case CMD_WRITE_EXT:
        return T_WRITE | T_EXT;
    case CMD_VERIFY_EXT:
        return T_VERIFY | T_EXT;
    case CMD_READ_MULTIPLE:
        return T_READ | T_MULTIPLE;
    case CMD_WRITE_MULTIPLE:
        return T_WRITE | T_MULTIPLE;
    case CMD_READ_MULTIPLE_EXT:
        return T_READ | T_MULTIPLE | T_EXT;
    case CMD_WRITE_MULTIPLE_EXT:
        return T_WRITE | T_MULTIPLE | T_EXT;
    case CMD_READ_DMA:
    case CMD_READ_DMA + 1:
        return T_READ | T_DMA;
    case CMD_WRITE_DMA:
    case CMD_WRITE_DMA + 1:
        return T_WRITE | T_DMA;
    case CMD_READ_DMA_EXT:
        return T_READ | T_DMA | T_EXT;
    case CMD_WRITE_DMA_EXT:
        return T_WRITE | T_DMA | T_EXT;
    default:
        return 0;
    }
}

/* Addresses. */

static bool chs_to_lba(const struct ide_drive *drive, u64 *lba)
{
    u32 cylinder = drive->lba_mid[0] | drive->lba_high[0] << 8;
    u32 head = drive->device & 0x0f, sector = drive->lba_low[0];
    if (sector == 0 || sector > drive->sectors || head >= drive->heads || cylinder >= drive->cylinders)
        return false;
    *lba = ((u64)cylinder * drive->heads + head) * drive->sectors + sector - 1;
    return true;
}

static bool get_address(const struct ide_drive *drive, bool ext, u64 *lba)
{
    if (!ext && !(drive->device & DEVICE_LBA))
        return chs_to_lba(drive, lba);
    *lba = drive->lba_low[0] | drive->lba_mid[0] << 8 | drive->lba_high[0] << 16;
    if (ext)
        *lba |= (u64)drive->lba_low[1] << 24 | (u64)drive->lba_mid[1] << 32 | (u64)drive->lba_high[1] << 40;
    else
        *lba |= (u64)(drive->device & 0x0f) << 24;
    return true;
}

static u32 get_count(const struct ide_drive *drive, bool ext)
{
    if (!ext)
        return drive->count[0] ? drive->count[0] : 256;
    u32 count = drive->count[0] | drive->count[1] << 8;
    return count ? count : 65536;
}

static void put_lba48(struct ide_drive *drive, u64 lba)
{
    drive->lba_low[0] = (u8)lba;
    drive->lba_mid[0] = (u8)(lba >> 8);
    drive->lba_high[0] = (u8)(lba >> 16);
    drive->lba_low[1] = (u8)(lba >> 24);
    drive->lba_mid[1] = (u8)(lba >> 32);
    drive->lba_high[1] = (u8)(lba >> 40);
}

static void put_address(struct ide_drive *drive, bool ext, u64 lba)
{
    if (ext) {
        put_lba48(drive, lba);
    } else if (drive->device & DEVICE_LBA) {
        drive->lba_low[0] = (u8)lba;
        drive->lba_mid[0] = (u8)(lba >> 8);
        drive->lba_high[0] = (u8)(lba >> 16);
        drive->device = (u8)((drive->device & 0xf0) | (lba >> 24 & 0x0f));
    } else {
        u64 track = lba / drive->sectors, cylinder = track / drive->heads;
        drive->lba_low[0] = (u8)(lba % drive->sectors + 1);
        drive->lba_mid[0] = (u8)cylinder;
        drive->lba_high[0] = (u8)(cylinder >> 8);
        drive->device = (u8)((drive->device & 0xf0) | (track % drive->heads));
    }
}

/* Data transfers: the medium is used in chunks of the buffer's size. */

static u32 block_bytes(const struct ide_drive *drive, u8 kind)
{
    return (kind & T_MULTIPLE ? drive->multiple : 1u) * SECTOR_SIZE;
}

static u32 chunk(const struct ide_drive *drive)
{
    return MIN(drive->left, (u32)IDE_BUFFER_SECTORS);
}

static void fetch(struct ide_drive *drive)
{
    ide_submit(drive, BLOCK_READ, drive->lba, chunk(drive));
}

static void collect(struct ide_drive *drive, u8 kind, bool interrupt)
{
    if (kind & T_DMA)
        ide_start_dma(drive, chunk(drive) * SECTOR_SIZE, false);
    else
        ide_want(drive, chunk(drive) * SECTOR_SIZE, block_bytes(drive, kind), interrupt);
}

static void store(struct ide_drive *drive)
{
    ide_submit(drive, BLOCK_WRITE, drive->lba, chunk(drive));
}

/* The registers as a finished transfer leaves them. */
static void put_result(struct ide_drive *drive, u8 kind)
{
    put_address(drive, kind & T_EXT, drive->lba - 1);
    drive->count[0] = 0;
}

static void finish_transfer(struct ide_drive *drive, u8 kind)
{
    put_result(drive, kind);
    ide_complete(drive);
}

static void fail_transfer(struct ide_drive *drive, u8 kind, int result)
{
    put_address(drive, kind & T_EXT, drive->lba);
    drive->count[0] = (u8)drive->left;
    if (result == -EROFS)
        ide_fail(drive, ERROR_ABRT);
    else
        ide_fail(drive, kind & T_WRITE ? ERROR_ABRT : ERROR_UNC);
}

static void start_transfer(struct ide_drive *drive, u8 kind)
{
    bool ext = kind & T_EXT;
    u32 count = get_count(drive, ext);
    u64 lba;
    bool no_blocks = (kind & T_MULTIPLE) && !drive->multiple;
    bool no_master = (kind & T_DMA) && !drive->channel->master.transfer;
    if (no_blocks || no_master) {
        ide_abort(drive);
        return;
    }
    if (!get_address(drive, ext, &lba) || lba >= drive->total || count > drive->total - lba) {
        trace(GUEST, "%s: command %02x: sector outside the disk", drive->device_entry.id, drive->command);
        ide_fail(drive, ERROR_IDNF);
        return;
    }
    if ((kind & T_WRITE) && block_readonly(drive->block)) {
        ide_abort(drive);
        return;
    }
    drive->power_mode = POWER_ACTIVE;
    drive->lba = lba;
    drive->left = count;
    if (kind & T_WRITE)
        collect(drive, kind, false);
    else
        fetch(drive);
}

static void chunk_read(struct ide_drive *drive, u8 kind)
{
    u32 count = chunk(drive);
    drive->lba += count;
    drive->left -= count;
    if (kind & T_DMA)
        ide_start_dma(drive, count * SECTOR_SIZE, true);
    else if (kind & T_READ)
        ide_offer(drive, count * SECTOR_SIZE, block_bytes(drive, kind));
    else if (drive->left)
        fetch(drive); /* VERIFY */
    else
        finish_transfer(drive, kind);
}

static void chunk_written(struct ide_drive *drive, u8 kind)
{
    u32 count = chunk(drive);
    drive->lba += count;
    drive->left -= count;
    if (drive->left)
        collect(drive, kind, true);
    else if (!drive->write_cache)
        ide_submit(drive, BLOCK_FLUSH, 0, 0);
    else
        finish_transfer(drive, kind);
}

void ide_ata_medium_done(struct ide_drive *drive, int result)
{
    u8 kind = transfer_kind(drive->command);
    if (result < 0 && kind) {
        fail_transfer(drive, kind, result);
    } else if (result < 0) {
        drive->phase = IDE_IDLE;
        ide_abort(drive); /* FLUSH CACHE: no sector is known to be at fault */
    } else if (drive->request.operation == BLOCK_READ) {
        chunk_read(drive, kind);
    } else if (drive->request.operation == BLOCK_WRITE) {
        chunk_written(drive, kind);
    } else if (kind) {
        finish_transfer(drive, kind);
    } else {
        ide_complete(drive);
    }
}

void ide_ata_dma_done(struct ide_drive *drive)
{
    u8 kind = transfer_kind(drive->command);
    if (kind & T_WRITE)
        store(drive);
    else if (drive->left)
        fetch(drive);
    else
        finish_transfer(drive, kind);
}

/* The host has read all it was offered; nothing interrupts after the last block. */
static void end_read(struct ide_drive *drive, u8 kind)
{
    if (kind)
        put_result(drive, kind);
    drive->phase = IDE_IDLE;
    drive->status = STATUS_DRDY | STATUS_DSC;
}

void ide_ata_block_through(struct ide_drive *drive)
{
    u8 kind = transfer_kind(drive->command);
    if (drive->position < drive->buffered)
        ide_next_block(drive, block_bytes(drive, kind));
    else if (kind & T_WRITE)
        store(drive);
    else if (drive->command == CMD_WRITE_BUFFER)
        ide_complete(drive);
    else if (kind && drive->left)
        fetch(drive);
    else
        end_read(drive, kind);
}

/* IDENTIFY DEVICE. */

void ide_put_word(u8 *data, unsigned word, u16 value)
{
    data[word * 2] = (u8)value;
    data[word * 2 + 1] = (u8)(value >> 8);
}

void ide_put_string(u8 *data, unsigned word, unsigned words, const char *text)
{
    size_t length = strlen(text);
    for (unsigned i = 0; i < words * 2; i++)
        data[(word * 2 + i) ^ 1] = i < length ? (u8)text[i] : ' ';
}

static void put_dword(u8 *data, unsigned word, u64 value)
{
    ide_put_word(data, word, (u16)value);
    ide_put_word(data, word + 1, (u16)(value >> 16));
}

void ide_identify_modes(struct ide_drive *drive, u8 *data)
{
    bool dma = drive->channel->master.transfer != NULL;
    u8 mode = drive->transfer_mode;
    u16 selected = (u16)(0x100u << (mode & 7));
    ide_put_word(data, 49, 0x0e00 | (dma ? 0x0100 : 0)); /* IORDY, IORDY may be disabled, LBA, DMA */
    ide_put_word(data, 51, 0x0200);
    ide_put_word(data, 53, 0x0007); /* words 54-58, 64-70, 88 are valid */
    ide_put_word(data, 64, 0x0003); /* PIO 3, 4 */
    for (unsigned word = 65; word <= 68; word++)
        ide_put_word(data, word, 120);
    if (!dma)
        return;
    ide_put_word(data, 63, 0x0007 | ((mode & 0xf8) == 0x20 ? selected : 0)); /* multiword DMA 0-2 */
    ide_put_word(data, 88, 0x003f | ((mode & 0xf8) == 0x40 ? selected : 0)); /* Ultra DMA 0-5 */
}

static void identify_geometry(struct ide_drive *drive, u8 *data)
{
    u32 current = (u32)drive->cylinders * drive->heads * drive->sectors;
    ide_put_word(data, 1, drive->default_cylinders);
    ide_put_word(data, 3, drive->default_heads);
    ide_put_word(data, 6, drive->default_sectors);
    ide_put_word(data, 54, drive->cylinders);
    ide_put_word(data, 55, drive->heads);
    ide_put_word(data, 56, drive->sectors);
    put_dword(data, 57, current);
    put_dword(data, 60, MIN(drive->total, 0x0fffffffull));
    put_dword(data, 100, drive->total);
    put_dword(data, 102, drive->total >> 32);
}

static void identify_features(struct ide_drive *drive, u8 *data)
{
    ide_put_word(data, 80, 0x007e); /* ATA-1 to ATA/ATAPI-6 */
    ide_put_word(data, 82, 0x3068); /* WRITE and READ BUFFER, look-ahead, write cache, power management */
    ide_put_word(data, 83, 0x7400); /* FLUSH CACHE (EXT), 48-bit addresses */
    ide_put_word(data, 84, 0x4000);
    ide_put_word(data, 85, 0x3008 | (drive->read_ahead ? 0x40 : 0) | (drive->write_cache ? 0x20 : 0));
    ide_put_word(data, 86, 0x3400);
    ide_put_word(data, 87, 0x4000);
    ide_put_word(data, 93, drive->unit ? 0x6b00 : 0x600b); /* 80-conductor cable, drive number by jumper */
}

static void identify(struct ide_drive *drive)
{
    u8 *data = drive->buffer;
    memset(data, 0, SECTOR_SIZE);
    ide_put_word(data, 0, 0x0040); /* a fixed disk */
    ide_put_word(data, 5, SECTOR_SIZE);
    ide_put_string(data, 10, 10, drive->serial);
    ide_put_word(data, 20, 3);
    ide_put_word(data, 21, IDE_BUFFER_SECTORS);
    ide_put_word(data, 22, 4);
    ide_put_string(data, 23, 4, drive->firmware);
    ide_put_string(data, 27, 20, drive->model);
    ide_put_word(data, 47, 0x8000 | IDE_MAX_MULTIPLE);
    ide_put_word(data, 48, 0x0001); /* 32-bit data port accesses */
    ide_put_word(data, 50, 0x4000);
    ide_put_word(data, 59, drive->multiple ? 0x0100 | drive->multiple : 0);
    ide_identify_modes(drive, data);
    identify_geometry(drive, data);
    identify_features(drive, data);
    ide_offer(drive, SECTOR_SIZE, SECTOR_SIZE);
}

/* The other commands. */

static void set_translation(struct ide_drive *drive, unsigned heads, unsigned sectors)
{
    u64 cylinders = drive->total / (heads * sectors);
    drive->heads = (u16)heads;
    drive->sectors = (u16)sectors;
    drive->cylinders = (u16)MAX(MIN(cylinders, 65535u), 1u);
}

static void initialize_parameters(struct ide_drive *drive)
{
    unsigned sectors = drive->count[0], heads = (drive->device & 0x0f) + 1u;
    if (sectors == 0) {
        ide_abort(drive);
        return;
    }
    set_translation(drive, heads, sectors);
    ide_complete(drive);
}

static void set_multiple(struct ide_drive *drive)
{
    u8 count = drive->count[0];
    if (count > IDE_MAX_MULTIPLE || (count & (count - 1))) {
        ide_abort(drive);
        return;
    }
    drive->multiple = count;
    ide_complete(drive);
}

bool ide_set_transfer_mode(struct ide_drive *drive)
{
    u8 mode = drive->count[0];
    bool dma = drive->channel->master.transfer != NULL;
    bool pio = mode <= 0x01 || (mode >= 0x08 && mode <= 0x0c);
    bool multiword = mode >= 0x20 && mode <= 0x22, ultra = mode >= 0x40 && mode <= 0x45;
    if (!pio && !(dma && (multiword || ultra)))
        return false;
    if (!pio) /* a PIO mode leaves the DMA mode selected */
        drive->transfer_mode = mode;
    return true;
}

static void flush(struct ide_drive *drive)
{
    ide_submit(drive, BLOCK_FLUSH, 0, 0);
}

static void set_features(struct ide_drive *drive)
{
    switch (drive->feature[0]) {
    case 0x02:
        drive->write_cache = true;
        break;
    case 0x82:
        drive->write_cache = false;
        flush(drive);
        return;
    case 0x03:
        if (!ide_set_transfer_mode(drive)) {
            ide_abort(drive);
            return;
        }
        break;
    case 0x55:
        drive->read_ahead = false;
        break;
    case 0xaa:
        drive->read_ahead = true;
        break;
    case 0x66:
        drive->revert_on_reset = false;
        break;
    case 0xcc:
        drive->revert_on_reset = true;
        break;
    default:
        trace(UNIMP, "%s: SET FEATURES %02x", drive->device_entry.id, drive->feature[0]);
        ide_abort(drive);
        return;
    }
    ide_complete(drive);
}

static void set_power(struct ide_drive *drive, u8 mode)
{
    drive->power_mode = mode;
    ide_complete(drive);
}

static void sleep_until_reset(struct ide_drive *drive)
{
    set_power(drive, POWER_STANDBY);
    drive->phase = IDE_ASLEEP;
}

static void check_power_mode(struct ide_drive *drive)
{
    drive->count[0] = drive->power_mode;
    ide_complete(drive);
}

static void read_native_max(struct ide_drive *drive)
{
    bool ext = drive->command == CMD_READ_NATIVE_MAX_EXT;
    u64 last = drive->total - 1;
    put_address(drive, ext, ext ? last : MIN(last, 0x0fffffffull - 1));
    ide_complete(drive);
}

static void seek(struct ide_drive *drive)
{
    u64 lba;
    if (get_address(drive, false, &lba) && lba < drive->total)
        ide_complete(drive);
    else
        ide_fail(drive, ERROR_IDNF);
}

static void recalibrate(struct ide_drive *drive)
{
    drive->lba_mid[0] = drive->lba_high[0] = 0;
    ide_complete(drive);
}

static void other_command(struct ide_drive *drive)
{
    switch (drive->command) {
    case CMD_IDENTIFY:
        identify(drive);
        break;
    case CMD_INITIALIZE_PARAMETERS:
        initialize_parameters(drive);
        break;
    case CMD_SET_MULTIPLE:
        set_multiple(drive);
        break;
    case CMD_SET_FEATURES:
        set_features(drive);
        break;
    case CMD_FLUSH_CACHE:
    case CMD_FLUSH_CACHE_EXT:
        flush(drive);
        break;
    case CMD_READ_NATIVE_MAX:
    case CMD_READ_NATIVE_MAX_EXT:
        read_native_max(drive);
        break;
    case CMD_READ_BUFFER:
        ide_offer(drive, SECTOR_SIZE, SECTOR_SIZE);
        break;
    case CMD_WRITE_BUFFER:
        ide_want(drive, SECTOR_SIZE, SECTOR_SIZE, false);
        break;
    default: /* NOP, PACKET, IDENTIFY PACKET DEVICE, SMART ... */
        trace(UNIMP, "%s: command %02x aborted", drive->device_entry.id, drive->command);
        ide_abort(drive);
        break;
    }
}

static bool power_command(struct ide_drive *drive)
{
    switch (drive->command) {
    case CMD_STANDBY_IMMEDIATE:
    case CMD_STANDBY:
    case 0x94:
    case 0x96:
        set_power(drive, POWER_STANDBY);
        return true;
    case CMD_IDLE_IMMEDIATE:
    case CMD_IDLE:
    case 0x95:
    case 0x97:
        set_power(drive, POWER_IDLE);
        return true;
    case CMD_CHECK_POWER_MODE:
    case 0x98:
        check_power_mode(drive);
        return true;
    case CMD_SLEEP:
    case 0x99:
        sleep_until_reset(drive);
        return true;
    default:
        return false;
    }
}

void ide_ata_command(struct ide_drive *drive)
{
    u8 kind = transfer_kind(drive->command);
    if (kind)
        start_transfer(drive, kind);
    else if ((drive->command & 0xf0) == 0x10)
        recalibrate(drive);
    else if ((drive->command & 0xf0) == 0x70)
        seek(drive);
    else if (!power_command(drive))
        other_command(drive);
}

void ide_ata_reset(struct ide_drive *drive, bool power_on)
{
    drive->power_mode = POWER_ACTIVE;
    drive->lba = 0;
    if (!power_on && !drive->revert_on_reset)
        return;
    drive->multiple = 0;
    drive->transfer_mode = 0;
    drive->write_cache = drive->read_ahead = true;
    drive->revert_on_reset = false;
    set_translation(drive, drive->default_heads, drive->default_sectors);
    drive->cylinders = drive->default_cylinders;
}

/* Geometry. */

struct first_sector {
    u8 data[SECTOR_SIZE];
    int result;
};

static void first_sector_read(void *opaque, int result)
{
    ((struct first_sector *)opaque)->result = result;
}

static bool read_first_sector(struct block *block, struct first_sector *first)
{
    struct block_request request = {
        .operation = BLOCK_READ, .count = 1, .data = first->data, .done = first_sector_read, .opaque = first};
    first->result = -EIO;
    block_submit(block, &request);
    block_drain(block);
    return first->result == 0;
}

static u32 le32(const u8 *at)
{
    return at[0] | at[1] << 8 | at[2] << 16 | (u32)at[3] << 24;
}

/* A partition that ends on a cylinder's last sector shows heads and sectors, if its LBA says the same. */
static bool geometry_of_entry(const u8 *entry, unsigned *heads, unsigned *sectors)
{
    u32 head = entry[5], sector = entry[6] & 0x3f, cylinder = entry[7] | (entry[6] & 0xc0u) << 2;
    u64 end = (u64)le32(entry + 8) + le32(entry + 12);
    if (entry[4] == 0 || sector == 0 || end == 0 || head == 255)
        return false;
    *heads = head + 1;
    *sectors = sector;
    return (u64)(cylinder + 1) * *heads * *sectors == end;
}

static bool geometry_of_table(struct block *block, unsigned *heads, unsigned *sectors)
{
    struct first_sector first;
    if (!read_first_sector(block, &first) || first.data[510] != 0x55 || first.data[511] != 0xaa)
        return false;
    for (int i = 0; i < 4; i++) {
        if (geometry_of_entry(first.data + 446 + 16 * i, heads, sectors))
            return true;
    }
    return false;
}

void ide_geometry(struct block *block, unsigned *cylinders, unsigned *heads, unsigned *sectors)
{
    u64 total = block_sectors(block);
    /* More than 16 heads are a BIOS's translation, not the disk's own. */
    if (!geometry_of_table(block, heads, sectors) || *heads > 16) {
        *heads = 16;
        *sectors = 63;
    }
    *cylinders = (unsigned)MAX(MIN(total / (*heads * *sectors), 16383ull), 1ull);
}

unsigned ide_translation(unsigned cylinders, unsigned heads, unsigned sectors)
{
    return cylinders <= 1024 ? 0 : 1;
}
