/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * writer records|rows NAME FOLDER: writes without end, in the guest of the snapshot tests.
 *
 *   records  appends numbered records of 32 bytes to FOLDER/records with an fsync after each, and
 *            rewrites parts of FOLDER/scratch without one
 *   rows     inserts numbered rows into FOLDER/rows.db by sqlite3, each in a transaction of its own
 *
 * What is safe by the promises of fsync and COMMIT is told on stdout: "NAME/records NUMBER".
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD 32 /* bytes, the last one a newline */
#define PART 16384
#define PARTS 64
#define PAUSE_US 2000

static void acknowledge(const char *name, const char *kind, unsigned number)
{
    char line[100];
    int length = snprintf(line, sizeof(line), "%s/%s %u\n", name, kind, number);

    if (write(STDOUT_FILENO, line, (size_t)length) != length)
        err(1, "cannot acknowledge");
}

static int open_in(const char *folder, const char *name, int flags)
{
    char path[1000];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | flags, 0644);
    if (fd < 0)
        err(1, "%s", path);
    return fd;
}

static void write_records(const char *name, const char *folder)
{
    static char part[PART];
    int records = open_in(folder, "records", O_APPEND | O_TRUNC);
    int scratch = open_in(folder, "scratch", 0);

    for (unsigned number = 1;; number++) {
        char record[RECORD + 1];

        snprintf(record, sizeof(record), "%0*u\n", RECORD - 1, number);
        if (write(records, record, RECORD) != RECORD || fsync(records) < 0)
            err(1, "%s: record %u", folder, number);
        acknowledge(name, "records", number);
        memset(part, (int)(number % 251), PART);
        if (pwrite(scratch, part, PART, (off_t)(number % PARTS) * PART) != PART)
            err(1, "%s: scratch", folder);
        usleep(PAUSE_US);
    }
}

/* sqlite3 with its stdin and stdout in `pipes`. */
static void start_sqlite(const char *folder, FILE *pipes[2])
{
    int in[2], out[2];

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        err(1, "pipe");
    switch (fork()) {
    case -1:
        err(1, "fork");
    case 0:
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        if (chdir(folder) < 0)
            err(1, "%s", folder);
        execlp("sqlite3", "sqlite3", "-batch", "rows.db", (char *)NULL);
        err(1, "sqlite3");
    }
    close(in[0]);
    close(out[1]);
    pipes[0] = fdopen(in[1], "w");
    pipes[1] = fdopen(out[0], "r");
}

static void write_rows(const char *name, const char *folder)
{
    FILE *pipes[2];
    char line[100];

    start_sqlite(folder, pipes);
    fprintf(pipes[0], "PRAGMA synchronous = FULL;\n"
                      "CREATE TABLE rows (number INTEGER PRIMARY KEY, filler TEXT);\n");
    for (unsigned number = 1;; number++) {
        fprintf(pipes[0], "INSERT INTO rows VALUES (%u, hex(randomblob(100)));\nSELECT %u;\n",
                number, number);
        fflush(pipes[0]);
        /* the transaction ended before the next statement's row */
        if (!fgets(line, sizeof(line), pipes[1]) || strtoul(line, NULL, 10) != number)
            errx(1, "%s: row %u: no answer of sqlite3", folder, number);
        acknowledge(name, "rows", number);
        usleep(PAUSE_US);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4)
        errx(2, "usage: writer records|rows NAME FOLDER");
    if (strcmp(argv[1], "records") == 0)
        write_records(argv[2], argv[3]);
    write_rows(argv[2], argv[3]);
}
