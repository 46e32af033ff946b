/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/order.h"

#define NOT_WANTED G_MAXUINT

typedef struct {
    dev_t device;
    guint wanted; /* index, or NOT_WANTED for what only stands in between */
    guint above;  /* how many of those that stand on it are still to come */
    gboolean done;
    gboolean unknown; /* may stand on anything */
    gboolean marked;  /* stands on one that is */
    guint down;       /* its first edge to what it stands on, from 1; 0: none */
    guint up;         /* the first to what stands on it */
    guint set;        /* towards the representative of its disk */
} Node;

/* In two lists, each from 1 and ended by 0. */
typedef struct {
    guint upper;
    guint lower;
    guint next_down;
    guint next_up;
} Edge;

typedef struct {
    GArray *nodes;
    GArray *edges;     /* of Edge */
    GHashTable *index; /* dev_t in the heap -> node number + 1 */
    GSequence *ready;  /* indices of wanted ones, ascending */
} Graph;

static Node *node_at(const Graph *graph, guint number)
{
    return &g_array_index(graph->nodes, Node, number);
}

static guint need_node(Graph *graph, dev_t device, guint wanted)
{
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(graph->index, &device));
    Node node = {.device = device, .wanted = wanted, .set = graph->nodes->len};

    if (number > 0)
        return number - 1;
    g_array_append_val(graph->nodes, node);
    g_hash_table_insert(graph->index, g_memdup2(&device, sizeof device),
                        GUINT_TO_POINTER(graph->nodes->len));
    return graph->nodes->len - 1;
}

static guint representative(Graph *graph, guint number)
{
    while (node_at(graph, number)->set != number) {
        Node *node = node_at(graph, number);

        node->set = node_at(graph, node->set)->set;
        number = node->set;
    }
    return number;
}

static const Edge *edge_at(const Graph *graph, guint number)
{
    return &g_array_index(graph->edges, Edge, number - 1);
}

static void connect(Graph *graph, guint upper, guint lower)
{
    Node *above = node_at(graph, upper);
    Node *below = node_at(graph, lower);
    Edge edge = {.upper = upper, .lower = lower, .next_down = above->down, .next_up = below->up};

    g_array_append_val(graph->edges, edge);
    above->down = graph->edges->len;
    below->up = graph->edges->len;
    below->above++;
}

/* Nodes are appended while they are walked, until nothing new is below. */
static void explore(Graph *graph, FirnOrderLower lower, gpointer data)
{
    g_autoptr(GArray) below = g_array_new(FALSE, FALSE, sizeof(dev_t));

    for (guint number = 0; number < graph->nodes->len; number++) {
        g_array_set_size(below, 0);
        if (!lower(node_at(graph, number)->device, below, data))
            node_at(graph, number)->unknown = TRUE;
        for (guint i = 0; i < below->len; i++) {
            guint under = need_node(graph, g_array_index(below, dev_t, i), NOT_WANTED);

            if (under == number)
                continue;
            connect(graph, number, under);
            node_at(graph, representative(graph, number))->set = representative(graph, under);
        }
    }
}

/* Marks all nodes that may stand on anything, and all that stand on those; TRUE when there are
 * some. */
static gboolean mark_unknown(Graph *graph)
{
    g_autoptr(GArray) queue = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint number = 0; number < graph->nodes->len; number++)
        if (node_at(graph, number)->unknown)
            g_array_append_val(queue, number);
    for (guint i = 0; i < queue->len; i++) {
        Node *node = node_at(graph, g_array_index(queue, guint, i));

        if (node->marked)
            continue;
        node->marked = TRUE;
        for (guint edge = node->up; edge != 0; edge = edge_at(graph, edge)->next_up)
            g_array_append_val(queue, edge_at(graph, edge)->upper);
    }
    return queue->len > 0;
}

/* What may stand on anything is taken to stand on all wanted ones that are not marked, so that no
 * circle comes of it: through a node in between, which keeps the edges few. */
static void assume(Graph *graph, guint wanted)
{
    Node between = {.wanted = NOT_WANTED, .set = graph->nodes->len};
    guint middle = graph->nodes->len;

    if (!mark_unknown(graph))
        return;
    g_array_append_val(graph->nodes, between);
    for (guint number = 0; number < middle; number++)
        if (node_at(graph, number)->unknown)
            connect(graph, number, middle);
    for (guint i = 0; i < wanted; i++)
        if (!node_at(graph, i)->marked)
            connect(graph, middle, i);
}

static int compare(gconstpointer a, gconstpointer b, gpointer data)
{
    guint left = GPOINTER_TO_UINT(a);
    guint right = GPOINTER_TO_UINT(b);

    return (left > right) - (left < right);
}

/* Nothing that is still to come stands on this one: it is ready, or, when it only stands in
 * between, done at once. */
static void release(Graph *graph, guint number, GArray *passed)
{
    Node *node = node_at(graph, number);

    if (node->wanted != NOT_WANTED)
        g_sequence_insert_sorted(graph->ready, GUINT_TO_POINTER(node->wanted), compare, NULL);
    else
        g_array_append_val(passed, number);
}

static void finish(Graph *graph, guint number)
{
    g_autoptr(GArray) passed = g_array_new(FALSE, FALSE, sizeof(guint));

    g_array_append_val(passed, number);
    for (guint i = 0; i < passed->len; i++) {
        Node *node = node_at(graph, g_array_index(passed, guint, i));

        node->done = TRUE;
        for (guint edge = node->down; edge != 0; edge = edge_at(graph, edge)->next_down) {
            guint below = edge_at(graph, edge)->lower;
            Node *lower = node_at(graph, below);

            if (--lower->above == 0 && !lower->done)
                release(graph, below, passed);
        }
    }
}

/* The wanted ones are the first nodes, in their order, so an index is a node's number. */
static guint take_next(Graph *graph, guint *first_left)
{
    while (!g_sequence_is_empty(graph->ready)) {
        GSequenceIter *begin = g_sequence_get_begin_iter(graph->ready);
        guint number = GPOINTER_TO_UINT(g_sequence_get(begin));

        g_sequence_remove(begin);
        if (!node_at(graph, number)->done)
            return number;
    }
    while (node_at(graph, *first_left)->done)
        (*first_left)++;
    return *first_left;
}

void firn_order_sort(const dev_t *wanted, guint count, FirnOrderLower lower, gpointer data,
                     guint *order, guint *disk)
{
    Graph graph = {
        .nodes = g_array_new(FALSE, FALSE, sizeof(Node)),
        .edges = g_array_new(FALSE, FALSE, sizeof(Edge)),
        .index = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
        .ready = g_sequence_new(NULL),
    };
    guint first_left = 0;

    for (guint i = 0; i < count; i++)
        need_node(&graph, wanted[i], i);
    explore(&graph, lower, data);
    assume(&graph, count);
    for (guint i = 0; i < count; i++)
        if (node_at(&graph, i)->above == 0)
            g_sequence_append(graph.ready, GUINT_TO_POINTER(i));
    for (guint i = 0; i < count; i++) {
        order[i] = take_next(&graph, &first_left);
        finish(&graph, order[i]);
    }
    for (guint i = 0; i < count; i++)
        disk[i] = representative(&graph, i);
    g_sequence_free(graph.ready);
    g_hash_table_unref(graph.index);
    g_array_unref(graph.edges);
    g_array_unref(graph.nodes);
}
