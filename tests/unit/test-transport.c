/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/transport.h"

#include <sys/socket.h>

#include <linux/vm_sockets.h>

#include "tests/lib/suite.h"

static gboolean takes(sa_family_t family, guint cid, guint wanted)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_vm vm;
    } peer = {{0}};

    peer.vm.svm_family = family;
    peer.vm.svm_cid = cid;
    return firn_transport_takes_peer(&peer.any, wanted);
}

START_TEST(test_vsock_serves_the_peer_that_is_wanted)
{
    ck_assert(takes(AF_VSOCK, VMADDR_CID_HOST, VMADDR_CID_HOST));
    ck_assert(!takes(AF_VSOCK, VMADDR_CID_LOCAL, VMADDR_CID_HOST));
    ck_assert(!takes(AF_VSOCK, 7, VMADDR_CID_HOST));
    ck_assert(takes(AF_VSOCK, 7, 7));
    ck_assert(takes(AF_VSOCK, VMADDR_CID_LOCAL, VMADDR_CID_ANY));
}
END_TEST

START_TEST(test_other_sockets_have_their_permissions)
{
    ck_assert(takes(AF_UNIX, 0, VMADDR_CID_HOST));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transport");
    TCase *tests = tcase_create("transport");

    tcase_add_test(tests, test_vsock_serves_the_peer_that_is_wanted);
    tcase_add_test(tests, test_other_sockets_have_their_permissions);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
