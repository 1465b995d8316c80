/*
 * One line being typed at a terminal: echo, cursor keys, history.
 *
 * Source: ECMA-48 and DEC VT100 User Guide: cursor keys as CSI or SS3 sequences, the control characters of a terminal.
 * Modelled: left, right, Home, End, Delete, Backspace, up and down through the history, Ctrl-A E B F D H K U W P N L C.
 * Not modelled: lines longer than the terminal is wide look wrong while they are edited; completion.
 */
#include "ui/lineedit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPE 27
#define DELETE 127
#define CTRL(letter) ((letter) - 'a' + 1)

static void put(struct lineedit *edit, const char *text)
{
    edit->put(edit->opaque, text);
}

static void put_repeated(struct lineedit *edit, char c, size_t count)
{
    char text[LINEEDIT_SIZE];
    memset(text, c, count);
    text[count] = '\0';
    put(edit, text);
}

void lineedit_init(struct lineedit *edit, void (*put_text)(void *opaque, const char *text), void *opaque)
{
    *edit = (struct lineedit){.put = put_text, .opaque = opaque};
}

void lineedit_free(struct lineedit *edit)
{
    while (edit->history_count)
        free(edit->history[--edit->history_count]);
}

/* --- the line ---------------------------------------------------------------------------------------------------- */

/* Shows what stands from the cursor on, blanks for `gone` characters behind it, and goes back to the cursor. */
static void show_tail(struct lineedit *edit, size_t gone)
{
    edit->text[edit->length] = '\0';
    put(edit, edit->text + edit->cursor);
    put_repeated(edit, ' ', gone);
    put_repeated(edit, '\b', edit->length - edit->cursor + gone);
}

static void insert(struct lineedit *edit, char c)
{
    char echo[2] = {c, '\0'};
    if (edit->length == LINEEDIT_SIZE - 1)
        return;
    memmove(edit->text + edit->cursor + 1, edit->text + edit->cursor, edit->length - edit->cursor);
    edit->text[edit->cursor++] = c;
    edit->length++;
    put(edit, echo);
    if (edit->cursor < edit->length)
        show_tail(edit, 0);
}

static void left(struct lineedit *edit)
{
    if (edit->cursor) {
        edit->cursor--;
        put(edit, "\b");
    }
}

static void right(struct lineedit *edit)
{
    char passed[2] = {edit->text[edit->cursor], '\0'};
    if (edit->cursor < edit->length) {
        edit->cursor++;
        put(edit, passed);
    }
}

static void home(struct lineedit *edit)
{
    put_repeated(edit, '\b', edit->cursor);
    edit->cursor = 0;
}

static void end(struct lineedit *edit)
{
    while (edit->cursor < edit->length)
        right(edit);
}

static void delete_here(struct lineedit *edit)
{
    if (edit->cursor == edit->length)
        return;
    edit->length--;
    memmove(edit->text + edit->cursor, edit->text + edit->cursor + 1, edit->length - edit->cursor);
    show_tail(edit, 1);
}

static void backspace(struct lineedit *edit)
{
    if (edit->cursor) {
        left(edit);
        delete_here(edit);
    }
}

static void delete_word(struct lineedit *edit)
{
    while (edit->cursor && edit->text[edit->cursor - 1] == ' ')
        backspace(edit);
    while (edit->cursor && edit->text[edit->cursor - 1] != ' ')
        backspace(edit);
}

static void delete_to_end(struct lineedit *edit)
{
    size_t gone = edit->length - edit->cursor;
    edit->length = edit->cursor;
    show_tail(edit, gone);
}

static void delete_all(struct lineedit *edit)
{
    home(edit);
    delete_to_end(edit);
}

static void replace(struct lineedit *edit, const char *text)
{
    delete_all(edit);
    snprintf(edit->text, sizeof(edit->text), "%s", text);
    edit->length = edit->cursor = strlen(edit->text);
    put(edit, edit->text);
}

void lineedit_redraw(struct lineedit *edit)
{
    edit->text[edit->length] = '\0';
    put(edit, edit->text);
    put_repeated(edit, '\b', edit->length - edit->cursor);
}

/* --- history ----------------------------------------------------------------------------------------------------- */

static void remember(struct lineedit *edit)
{
    int count = edit->history_count;
    char *copy = NULL;
    if (edit->length && !(count && !strcmp(edit->history[count - 1], edit->text)))
        copy = strdup(edit->text);
    if (copy && count == LINEEDIT_HISTORY) {
        free(edit->history[0]);
        memmove(edit->history, edit->history + 1, sizeof(edit->history) - sizeof(edit->history[0]));
        count--;
    }
    if (copy)
        edit->history[count++] = copy;
    edit->history_count = edit->browsing = count;
}

static void browse(struct lineedit *edit, int step)
{
    int to = edit->browsing + step;
    if (to < 0 || to > edit->history_count)
        return;
    edit->text[edit->length] = '\0';
    if (edit->browsing == edit->history_count)
        strcpy(edit->kept, edit->text);
    edit->browsing = to;
    replace(edit, to == edit->history_count ? edit->kept : edit->history[to]);
}

/* --- keys -------------------------------------------------------------------------------------------------------- */

/* The final byte of CSI or SS3; CSI number ~ for the keys of the editing keypad. */
static void cursor_key(struct lineedit *edit, u8 final)
{
    u8 number = edit->escape_length == 3 ? edit->escape[2] : 0; /* of one digit: F keys have two */
    switch (final) {
    case 'A': browse(edit, -1); break;
    case 'B': browse(edit, 1); break;
    case 'C': right(edit); break;
    case 'D': left(edit); break;
    case 'H': home(edit); break;
    case 'F': end(edit); break;
    case '~':
        if (number == '1' || number == '7')
            home(edit);
        else if (number == '4' || number == '8')
            end(edit);
        else if (number == '3')
            delete_here(edit);
        break;
    default: break;
    }
}

/* True while the bytes belong to an escape sequence. */
static bool in_escape(struct lineedit *edit, u8 byte)
{
    if (!edit->escape_length && byte != ESCAPE)
        return false;
    if (edit->escape_length == 1 && byte != '[' && byte != 'O') {
        edit->escape_length = byte == ESCAPE; /* else it was Alt and a key, or ESC by itself */
        return byte == ESCAPE || byte >= ' ';
    }
    if (edit->escape_length > 1 && byte >= 0x40 && byte <= 0x7e) {
        cursor_key(edit, byte);
        edit->escape_length = 0;
        return true;
    }
    if (edit->escape_length < sizeof(edit->escape))
        edit->escape[edit->escape_length++] = byte;
    return true;
}

static void control_key(struct lineedit *edit, u8 byte)
{
    switch (byte) {
    case CTRL('a'): home(edit); break;
    case CTRL('b'): left(edit); break;
    case CTRL('c'): delete_all(edit); break;
    case CTRL('d'): delete_here(edit); break;
    case CTRL('e'): end(edit); break;
    case CTRL('f'): right(edit); break;
    case CTRL('h'):
    case DELETE: backspace(edit); break;
    case CTRL('k'): delete_to_end(edit); break;
    case CTRL('l'): lineedit_redraw(edit); break;
    case CTRL('n'): browse(edit, 1); break;
    case CTRL('p'): browse(edit, -1); break;
    case CTRL('u'): delete_all(edit); break;
    case CTRL('w'): delete_word(edit); break;
    default: break;
    }
}

static const char *enter(struct lineedit *edit)
{
    edit->text[edit->length] = '\0';
    remember(edit);
    edit->length = edit->cursor = 0;
    return edit->text;
}

const char *lineedit_type(struct lineedit *edit, u8 byte)
{
    bool lf_of_crlf = byte == '\n' && edit->after_cr;
    edit->after_cr = byte == '\r';
    if (lf_of_crlf || in_escape(edit, byte))
        return NULL;
    if (byte == '\r' || byte == '\n')
        return enter(edit);
    if (byte < ' ' || byte == DELETE)
        control_key(edit, byte);
    else
        insert(edit, (char)byte);
    return NULL;
}
