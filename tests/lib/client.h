/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_CLIENT_H
#define TESTS_LIB_CLIENT_H

#include <glib.h>
#include <json-glib/json-glib.h>

/*
 * A client of the agent. Everything waits up to 60 s and then fails the test; a call that fails
 * does so through Check, so that no test looks at results twice.
 */
typedef struct TestClient TestClient;

/* Connects to a unix socket, trying until somebody listens there. Free with test_client_free(). */
TestClient *test_client_connect(const char *path);
/* Over a descriptor such as a pty's master; takes it. */
TestClient *test_client_new(int fd);
void test_client_free(TestClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestClient, test_client_free)

/* Called with `data` before a call on this client fails the test, to tell what it knows. */
void test_client_explain(TestClient *client, void (*explain)(gpointer data), gpointer data);

int test_client_fd(const TestClient *client);

/* Sends text, or bytes, completely. */
void test_client_send(TestClient *client, const char *text);
void test_client_send_bytes(TestClient *client, const void *bytes, gsize length);
/* Sends nothing more; replies can still be read. */
void test_client_shutdown(TestClient *client);

/* The next reply line without its '\n' (but with a 0xFF before it); NULL at the end of file. Free
 * with g_free(). */
char *test_client_line(TestClient *client);
/* TRUE when something can be read, or the other end hung up, within so many milliseconds. */
gboolean test_client_has_input(TestClient *client, int milliseconds);
/* TRUE when the agent takes more within so many milliseconds. */
gboolean test_client_can_send(TestClient *client, int milliseconds);

/* Sends a request and parses its reply. Free with json_node_unref(). What it returns is held
 * against the command's row (returns.h), in the other calls that take a request, too. */
JsonNode *test_client_ask(TestClient *client, const char *request);
/* The value of "return" in a line; an error fails the test. Free with json_node_unref(). */
JsonNode *test_reply_value(const char *line);
/* The text of an error reply, a return fails the test; free with g_free(). */
char *test_reply_error(const char *line);

/* Sends a request and takes its reply's return, its return as compact JSON text, or its error. */
JsonNode *test_client_value(TestClient *client, const char *request);
char *test_client_text(TestClient *client, const char *request);
char *test_client_error(TestClient *client, const char *request);

/* Fails unless the agent answers a ping. */
void test_client_ping(TestClient *client);

#endif
