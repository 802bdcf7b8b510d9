"""The blog's database, in a network of its own."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from constructs import Construct


class Database(cdk.Stack):
    def __init__(self, scope: Construct, id: str, *, multi_az: bool, **kwargs) -> None:
        super().__init__(scope, id, **kwargs)

        network = ec2.Vpc(
            self,
            "Network",
            ip_addresses=ec2.IpAddresses.cidr("10.20.0.0/16"),
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="database", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
            ],
        )

        # The user's password is generated into a secret; nobody ever writes it down.
        database = rds.DatabaseInstance(
            self,
            "Database",
            engine=rds.DatabaseInstanceEngine.mysql(version=rds.MysqlEngineVersion.of("8.4", "8.4")),
            instance_type=ec2.InstanceType("t4g.small"),
            allocated_storage=20,
            storage_encrypted=True,
            database_name="ghost",
            credentials=rds.Credentials.from_generated_secret("ghost"),
            multi_az=multi_az,
            vpc=network,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        )
        database.connections.allow_default_port_from(ec2.Peer.ipv4(network.vpc_cidr_block), "MySQL from inside the network")

        cdk.CfnOutput(self, "Endpoint", value=database.db_instance_endpoint_address)
        cdk.CfnOutput(self, "Port", value=database.db_instance_endpoint_port)
        cdk.CfnOutput(self, "SecretArn", value=database.secret.secret_arn)


app = cdk.App()
# Each Environment has a stack of its own, also where two share an account.
environment = app.node.try_get_context("drawbridge:environment") or "development"
Database(app, "Database", stack_name=f"{environment}-database", multi_az=False)
app.synth()
