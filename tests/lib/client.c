/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/client.h"

#include "tests/lib/returns.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 60000

struct TestClient {
    int fd;
    GByteArray *input; /* read, but no line yet */
    gboolean eof;
    void (*explain)(gpointer data); /* or NULL */
    gpointer explain_data;
};

TestClient *test_client_new(int fd)
{
    TestClient *client = g_new0(TestClient, 1);

    client->fd = fd;
    client->input = g_byte_array_new();
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    return client;
}

TestClient *test_client_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    gint64 end = g_get_monotonic_time() + PATIENCE_MS * 1000LL;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        ck_assert_msg(g_get_monotonic_time() < end, "nobody listens at %s: %s", path,
                      g_strerror(errno));
        g_usleep(10000);
    }
    return test_client_new(fd);
}

void test_client_free(TestClient *client)
{
    if (!client)
        return;
    close(client->fd);
    g_byte_array_unref(client->input);
    g_free(client);
}

void test_client_explain(TestClient *client, void (*explain)(gpointer data), gpointer data)
{
    client->explain = explain;
    client->explain_data = data;
}

/* Says what there is to say when the test is about to fail. */
static gboolean check(TestClient *client, gboolean fine)
{
    if (!fine && client->explain)
        client->explain(client->explain_data);
    return fine;
}

int test_client_fd(const TestClient *client)
{
    return client->fd;
}

static gboolean wait_for(TestClient *client, short events, int milliseconds)
{
    struct pollfd entry = {.fd = client->fd, .events = events};
    int n;

    do {
        n = poll(&entry, 1, milliseconds);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

void test_client_send_bytes(TestClient *client, const void *bytes, gsize length)
{
    const guint8 *at = bytes;

    signal(SIGPIPE, SIG_IGN);
    while (length > 0) {
        ssize_t n = write(client->fd, at, length);

        if (n < 0 && errno == EAGAIN) {
            ck_assert_msg(check(client, wait_for(client, POLLOUT, PATIENCE_MS)),
                          "the agent does not read");
            continue;
        }
        ck_assert_msg(check(client, n > 0), "cannot send: %s", g_strerror(errno));
        at += n;
        length -= (gsize)n;
    }
}

void test_client_send(TestClient *client, const char *text)
{
    test_client_send_bytes(client, text, strlen(text));
}

void test_client_shutdown(TestClient *client)
{
    ck_assert_int_eq(shutdown(client->fd, SHUT_WR), 0);
}

gboolean test_client_has_input(TestClient *client, int milliseconds)
{
    return client->input->len > 0 || wait_for(client, POLLIN, milliseconds);
}

gboolean test_client_can_send(TestClient *client, int milliseconds)
{
    return wait_for(client, POLLOUT, milliseconds);
}

static void read_more(TestClient *client)
{
    guint8 chunk[16384];
    ssize_t n;

    ck_assert_msg(check(client, wait_for(client, POLLIN, PATIENCE_MS)),
                  "no reply within a minute; so far: '%.*s'", (int)client->input->len,
                  (const char *)client->input->data);
    n = read(client->fd, chunk, sizeof(chunk));
    if (n > 0)
        g_byte_array_append(client->input, chunk, (guint)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        client->eof = TRUE;
}

char *test_client_line(TestClient *client)
{
    gsize searched = 0;

    for (;;) {
        const guint8 *data = client->input->data;
        const guint8 *end = NULL;
        char *line;

        if (client->input->len > searched)
            end = memchr(data + searched, '\n', client->input->len - searched);
        if (end) {
            line = g_strndup((const char *)data, (gsize)(end - data));
            g_byte_array_remove_range(client->input, 0, (guint)(end - data) + 1);
            return line;
        }
        searched = client->input->len;
        if (client->eof)
            return NULL;
        read_more(client);
    }
}

static JsonNode *parse(const char *line)
{
    g_autoptr(GError) error = NULL;
    JsonNode *node;

    ck_assert_msg(line != NULL, "end of file where a reply was due");
    node = json_from_string(*line == '\xff' ? line + 1 : line, &error);
    ck_assert_msg(node != NULL, "the reply is no JSON (%s): %s", error ? error->message : "empty",
                  line);
    ck_assert_msg(JSON_NODE_HOLDS_OBJECT(node), "the reply is no object: %s", line);
    return node;
}

JsonNode *test_reply_value(const char *line)
{
    g_autoptr(JsonNode) reply = parse(line);
    JsonObject *object = json_node_get_object(reply);

    ck_assert_msg(json_object_has_member(object, "return"), "no return: %s", line);
    return json_object_dup_member(object, "return");
}

char *test_reply_error(const char *line)
{
    g_autoptr(JsonNode) reply = parse(line);
    JsonObject *object = json_node_get_object(reply);

    ck_assert_msg(json_object_has_member(object, "error"), "no error: %s", line);
    object = json_object_get_object_member(object, "error");
    return g_strdup(json_object_get_string_member(object, "desc"));
}

JsonNode *test_client_ask(TestClient *client, const char *request)
{
    g_autofree char *line = NULL;

    test_client_send(client, request);
    line = test_client_line(client);
    test_returns_check(request, line);
    return parse(line);
}

JsonNode *test_client_value(TestClient *client, const char *request)
{
    g_autofree char *line = NULL;

    test_client_send(client, request);
    line = test_client_line(client);
    test_returns_check(request, line);
    return test_reply_value(line);
}

char *test_client_text(TestClient *client, const char *request)
{
    g_autoptr(JsonNode) value = test_client_value(client, request);

    return json_to_string(value, FALSE);
}

char *test_client_error(TestClient *client, const char *request)
{
    g_autofree char *line = NULL;

    test_client_send(client, request);
    line = test_client_line(client);
    return test_reply_error(line);
}

void test_client_ping(TestClient *client)
{
    g_autofree char *value = test_client_text(client, "{\"execute\":\"guest-ping\"}\n");

    ck_assert_str_eq(value, "{}");
}
