import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from 'kafkajs'
import { freePort } from './free-port.ts'
import { kafkaProgram } from './kafka-program.ts'
import { BROKER_SETTINGS, KAFKA_READY_LINE } from './kafka-settings.ts'
import type { DependencyKind } from './kinds.ts'
import { startNative } from './native.ts'
import { findMissing, suiteUnlessMissing } from './suite-on.ts'

const FILE = new URL('../../../infra/kafka/acls', import.meta.url)

/** What follows `User:roomlog-` in infra/kafka/acls. */
export const PRINCIPALS = ['edge', 'persister', 'topics', 'auditor', 'operator'] as const
export type Principal = (typeof PRINCIPALS)[number]

export interface SaslLogin {
  readonly mechanism: 'scram-sha-512'
  readonly username: string
  readonly password: string
}

export interface GuardedKafka extends AsyncDisposable {
  readonly broker: string
  loginOf(principal: Principal): SaslLogin
  /** Settings of a service or command that logs in so. */
  envOf(principal: Principal): Readonly<Record<string, string>>
}

/** As `suiteOn`, where besides a broker of its own can be started. */
export function suiteOnGuardedKafka(kinds: readonly DependencyKind[], name: string, body: () => void): void {
  const noProgram = (error: Error) => [{ kind: 'kafka' as const, reason: error.message }]
  const findAll = async () => [
    ...(await findMissing(kinds)),
    ...(await kafkaProgram().then(() => [], noProgram)),
  ]
  suiteUnlessMissing(name, kinds, findAll, body)
}

/** A Kafka that asks everybody for a login, with the rights of infra/kafka/acls in a namespace. */
export async function guardedKafka(namespace: string): Promise<GuardedKafka> {
  const program = await kafkaProgram()
  const [broker, inner, controller] = [await address(), await address(), await address()]
  const folder = await mkdtemp(join(tmpdir(), 'roomlog-test-guarded-kafka-'))
  const settings = {
    ...BROKER_SETTINGS,
    'controller.quorum.voters': `1@${controller}`,
    'listener.security.protocol.map': 'INTERNAL:PLAINTEXT,HOST:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    listeners: `INTERNAL://${inner},HOST://${broker},CONTROLLER://${controller}`,
    'advertised.listeners': `INTERNAL://${inner},HOST://${broker}`,
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.host.scram-sha-512.sasl.jaas.config':
      'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // The broker itself, and who makes the rules: nobody is anonymous where clients come in.
    'super.users': 'User:ANONYMOUS',
  }
  const loginOf = (principal: Principal): SaslLogin => ({
    mechanism: 'scram-sha-512',
    username: `roomlog-${principal}`,
    password: `password-of-${principal}`,
  })
  const logins = PRINCIPALS.map(loginOf).map(({ username, password }) => [username, password] as const)
  const file = await program.format(folder, settings, undefined, Object.fromEntries(logins))
  const server = await startNative('java', program.broker(file), { folder, readyLine: KAFKA_READY_LINE })
  await makeRules(inner, namespace)
  return {
    broker,
    loginOf,
    envOf: (principal) => {
      const { mechanism, username, password } = loginOf(principal)
      return {
        KAFKA_BROKERS: broker,
        KAFKA_SASL_MECHANISM: mechanism,
        KAFKA_SASL_USERNAME: username,
        KAFKA_SASL_PASSWORD: password,
      }
    },
    [Symbol.asyncDispose]: server.stop,
  }
}

async function address(): Promise<string> {
  return `127.0.0.1:${await freePort()}`
}

async function makeRules(broker: string, namespace: string): Promise<void> {
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 20 } }).admin()
  await admin.connect()
  try {
    await admin.createAcls({ acl: [...(await rules(namespace))] })
    // A broker makes its topic of groups when it is first asked for one; kafkajs would not tell that from a refusal.
    await admin.describeGroups([namespace])
  } finally {
    await admin.disconnect()
  }
}

/** The rules of infra/kafka/acls. Throws on what `kafka-acls.sh` would read otherwise than this does. */
async function rules(namespace: string) {
  const text = await readFile(FILE, 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap((line) => {
      const found =
        /^--add --allow-principal (User:[\w-]+)((?: --operation \w+)+) --(topic|group) (\S+)( --resource-pattern-type prefixed)?$/.exec(
          line,
        )
      if (found === null) throw new Error(`infra/kafka/acls: not understood: ${line}`)
      const [, principal = '', operations = '', kind, name = '', prefixed] = found
      const verbs = operations.split(' --operation ').filter((verb) => verb !== '')
      return verbs.map((verb) => ({
        principal,
        host: '*',
        permissionType: AclPermissionTypes.ALLOW,
        operation: operationOf(verb),
        resourceType: kind === 'topic' ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
        resourceName: `${namespace}.${name}`,
        resourcePatternType:
          prefixed === undefined ? ResourcePatternTypes.LITERAL : ResourcePatternTypes.PREFIXED,
      }))
    })
}

function operationOf(verb: string): AclOperationTypes {
  const name = verb.toUpperCase()
  if (name === 'READ' || name === 'WRITE' || name === 'CREATE' || name === 'DESCRIBE')
    return AclOperationTypes[name]
  throw new Error(`infra/kafka/acls: no operation that Roomlog needs: ${verb}`)
}
