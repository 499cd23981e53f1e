"""gRPC's own clients for the conformance suite, told what to do line by line.

    peers.py xds       `call`: calls xds:///web.org, says the answer and who gave it
    peers.py tools     an address: what reflection, health and client status say there, as JSON
"""

import json
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def call(channel):
    """Checks the health of whoever is behind the channel."""
    stub = health_pb2_grpc.HealthStub(channel)
    try:
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
    except grpc.RpcError as error:
        return "%s %s" % (error.code().name, " ".join(error.details().split()))
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def tools(address):
    """Asks a server what it is, knowing nothing but reflection."""
    from google.protobuf import json_format, message_factory
    from google.protobuf.descriptor_pool import DescriptorPool
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
        ProtoReflectionDescriptorDatabase,
    )

    # The path of a unix socket is no name that an HTTP/2 server must take.
    channel = grpc.insecure_channel(address, [("grpc.default_authority", "localhost")])
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    service = pool.FindServiceByName("envoy.service.status.v3.ClientStatusDiscoveryService")
    method = service.FindMethodByName("FetchClientStatus")
    # The content of a resource is an Any: its type must be known to be printed.
    for name in (
        "envoy.config.cluster.v3.Cluster",
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        "envoy.config.listener.v3.Listener",
        "envoy.config.route.v3.RouteConfiguration",
        "envoy.extensions.transport_sockets.tls.v3.Secret",
    ):
        message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
    request = message_factory.GetMessageClass(method.input_type)
    answer = message_factory.GetMessageClass(method.output_type)
    fetch = channel.unary_unary(
        "/%s/%s" % (service.full_name, method.name),
        request_serializer=request.SerializeToString,
        response_deserializer=answer.FromString,
    )
    status = fetch(request(), timeout=10)
    return json.dumps(
        {
            "services": sorted(database.get_services()),
            "health": call(channel),
            "status": json_format.MessageToDict(status, descriptor_pool=pool),
        }
    )


def main(what):
    """Does one of the things above."""
    channel = grpc.insecure_channel("xds:///web.org") if what == "xds" else None
    for line in sys.stdin:
        print(call(channel) if channel else tools(line.strip()), flush=True)


main(sys.argv[1])
