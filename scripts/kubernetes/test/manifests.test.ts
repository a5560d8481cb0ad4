import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readArguments } from '../../audit/options.ts'
import { environmentOf, type KubernetesObject, selects, type Workload, workloadsOf } from './objects.ts'
import { onEachOverlay } from './render.ts'

const ROOT = join(import.meta.dirname, '../../..')
const SERVICES = ['ws-edge', 'persister', 'api']
/** As `infra/kubernetes/deploy` applies them. */
const STEPS = ['prepare', 'persister', 'ws-edge', 'api', 'auditor', 'operator']

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** The metrics' names that stand in sources of services and packages. */
const METRICS = globSync('{services,packages}/*/src/**/*.ts', { cwd: ROOT }).flatMap((path) =>
  [...read(path).matchAll(/'(roomlog_[a-z_]+)'/g)].map(([, name]) => name),
)

onEachOverlay('manifests', (objects) => {
  const workloads = workloadsOf(objects)
  const services = workloads.filter(({ name }) => SERVICES.includes(name))
  const ofKind = (kind: string) => objects.filter((object) => object.kind === kind)
  const named = (kind: string, name: string): KubernetesObject => {
    const found = ofKind(kind).find(({ metadata }) => metadata.name === name)
    if (found === undefined) throw new Error(`no ${kind} ${name}`)
    return found
  }
  const portOf = ({ container }: Workload, name: string) =>
    container.ports?.find((port) => port.name === name)?.containerPort
  const envOf = (workload: Workload) => Object.fromEntries(environmentOf(workload, objects).said)
  const policiesOn = ({ labels }: Workload) =>
    ofKind('NetworkPolicy').filter(({ spec }) => selects(spec.podSelector, labels))

  test('everything is in one namespace, which admits no pod that is not restricted', () => {
    const [namespace] = ofKind('Namespace')
    expect(namespace?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' })
    const places = objects
      .filter(({ kind }) => kind !== 'Namespace')
      .map(({ metadata }) => metadata.namespace)
    expect(new Set(places)).toEqual(new Set([namespace?.metadata.name]))
  })

  test.for(workloads)('$name is closed as far as Roomlog lets it be', ({ name, pod, container }) => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      serviceAccountName: named('ServiceAccount', name).metadata.name,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    const text = expect.any(String)
    expect(container.resources).toMatchObject({
      limits: { memory: text },
      requests: { cpu: text, memory: text },
    })
  })

  test.for(workloads)('$name has its turn in a rollout', ({ object }) => {
    expect(STEPS).toContain(object.metadata.labels?.['roomlog.io/step'])
    expect(read('infra/kubernetes/deploy')).toContain(object.metadata.labels?.['roomlog.io/step'])
  })

  test.for(services)('$name listens where it is looked for', (service) => {
    const { container } = service
    expect(portOf(service, 'http')).toBe(Number(envOf(service).PORT))
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const) {
      expect(container[probe]?.httpGet.port).toBe('http')
    }
  })

  test('there is one auditor, which listens where it is looked for', () => {
    const auditor = workloads.find(({ name }) => name === 'auditor') as Workload
    expect(auditor.object.spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } })
    expect(auditor.container.command?.at(-1)).toBe(`0.0.0.0:${portOf(auditor, 'http')}`)
    expect(readArguments(auditor.container.command?.slice(2) ?? [])).toMatchObject({ '--watch': '60' })
  })

  test.for(services)('$name is not restarted because a server is away', ({ container }) => {
    expect(container.startupProbe?.httpGet.path).toBe('/livez')
    expect(container.livenessProbe?.httpGet.path).toBe('/livez')
    expect(container.readinessProbe?.httpGet.path).toBe('/readyz')
    const [, seconds] = /CHECK_TIMEOUT_MS = (\d+)_000/.exec(read('packages/service-kit/src/health.ts')) ?? []
    expect(container.readinessProbe?.timeoutSeconds).toBeGreaterThan(Number(seconds))
  })

  test.for(services)('$name has the time that its stop takes', ({ name, pod, container }) => {
    const bound = /STOP_TIMEOUT_MS = (\d+)_000/
    const [, seconds] =
      bound.exec(read(`services/${name}/src/main.ts`)) ??
      bound.exec(read('packages/service-kit/src/run-service.ts')) ??
      []
    const before = container.lifecycle?.preStop.sleep.seconds ?? 0
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(before + Number(seconds))
  })

  test('each selector has pods, and no two workloads share them', () => {
    for (const { object, labels } of workloads.filter(({ object }) => object.spec.selector !== undefined)) {
      expect(selects(object.spec.selector, labels)).toBe(true)
      expect(workloads.filter((it) => selects(object.spec.selector, it.labels))).toHaveLength(1)
    }
    for (const { metadata, spec } of [...ofKind('Service'), ...ofKind('PodDisruptionBudget')]) {
      if (metadata.name === 'nobody') continue
      expect([metadata.name, workloads.filter((it) => selects(spec.selector, it.labels)).length]).toEqual([
        metadata.name,
        1,
      ])
    }
    for (const { pod, labels } of services) {
      for (const { labelSelector } of pod.topologySpreadConstraints)
        expect(selects(labelSelector, labels)).toBe(true)
    }
    expect(
      ofKind('PodDisruptionBudget')
        .map(({ metadata }) => metadata.name)
        .toSorted(),
    ).toEqual(SERVICES.toSorted())
  })

  test('Services lead to ports that their pods have, the Ingress to Services, and one of them names the edges', () => {
    for (const { spec } of ofKind('Service').filter(({ metadata }) => metadata.name !== 'nobody')) {
      const workload = workloads.find((it) => selects(spec.selector, it.labels)) as Workload
      for (const { targetPort } of spec.ports) expect(portOf(workload, targetPort)).toBeDefined()
    }
    const [ingress] = ofKind('Ingress')
    for (const { host, http } of ingress?.spec.rules ?? []) {
      expect(ingress?.spec.tls[0].hosts).toContain(host)
      for (const { backend } of http.paths) {
        const { spec } = named('Service', backend.service.name)
        expect(spec.ports.map((port: { name: string }) => port.name)).toContain(backend.service.port.name)
      }
    }
    const [{ serviceName }] = ofKind('StatefulSet').map(({ spec }) => spec) as [{ serviceName: string }]
    expect(named('Service', serviceName).spec.clusterIP).toBe('None')
  })

  test('clients and pages are told the host of the Ingress', () => {
    const host = ofKind('Ingress')[0]?.spec.rules[0].host
    const told = Object.assign({}, ...services.map(envOf))
    expect(told).toMatchObject({ ALLOWED_ORIGINS: `https://${host}`, PUBLIC_WS_URLS: `wss://${host}/ws` })
    // Behind a proxy that is not believed, all people share the limits of one address.
    expect(told.TRUST_PROXY).toMatch(/^[0-9.]+\/[0-9]+$/)
  })

  test('a pod reaches names and the servers that it has settings of, at their ports, and nothing else', () => {
    for (const workload of workloads) {
      const names = environmentOf(workload, objects)
      const has = (name: string) =>
        (envOf(workload)[name] ?? '') !== '' || names.secrets.some(({ variable }) => variable === name)
      const expected = [
        'nothing-but-names',
        ...(has('KAFKA_BROKERS') ? ['to-kafka'] : []),
        ...(has('DATABASE_URL') ? ['to-postgres'] : []),
        ...(has('REDIS_URL') ? ['to-redis'] : []),
      ]
      const policies = policiesOn(workload).filter(({ spec }) => spec.egress !== undefined)
      expect([workload.name, policies.map(({ metadata }) => metadata.name).toSorted()]).toEqual([
        workload.name,
        expected,
      ])
    }
    const brokers = workloads.map((it) => envOf(it).KAFKA_BROKERS).find((it) => it !== undefined)
    const ports = named('NetworkPolicy', 'to-kafka').spec.egress[0].ports.map(
      ({ port }: { port: number }) => port,
    )
    expect(new Set(brokers?.split(',').map((it) => Number(it.split(':')[1])))).toEqual(new Set(ports))
  })

  test('who may call a pod finds the port there; Prometheus may call who has figures, browsers two', () => {
    const callers = (workload: Workload) =>
      policiesOn(workload).flatMap(({ metadata, spec }) =>
        (spec.ingress ?? []).map(({ ports }: { ports: { port: string }[] }) => {
          for (const { port } of ports) expect(portOf(workload, port)).toBeDefined()
          return metadata.name.replace('from-', '')
        }),
      )
    expect(Object.fromEntries(workloads.map((it) => [it.name, callers(it).toSorted()]))).toEqual({
      'ws-edge': ['ingress-controller', 'prometheus'],
      api: ['ingress-controller', 'prometheus'],
      persister: ['prometheus'],
      migrate: [],
      topics: [],
      auditor: ['prometheus'],
      operator: [],
    })
    for (const { metadata, spec } of ofKind('NetworkPolicy')) {
      for (const { values } of spec.podSelector.matchExpressions ?? []) {
        for (const value of values)
          expect([metadata.name, workloads.map(({ name }) => name)]).toEqual([
            metadata.name,
            expect.arrayContaining([value]),
          ])
      }
    }
  })

  test('autoscalers say how many there are, by figures that the services have', () => {
    for (const { spec } of ofKind('HorizontalPodAutoscaler')) {
      const target = named(spec.scaleTargetRef.kind, spec.scaleTargetRef.name)
      expect(target.spec).not.toHaveProperty('replicas')
      for (const { pods } of spec.metrics.filter(({ type }: { type: string }) => type === 'Pods')) {
        expect(METRICS).toContain(pods.metric.name)
      }
    }
    expect(
      ofKind('HorizontalPodAutoscaler')
        .map(({ metadata }) => metadata.name)
        .toSorted(),
    ).toEqual(SERVICES.toSorted())
    const persister = services.find(({ name }) => name === 'persister') as Workload
    const { maxReplicas } = named('HorizontalPodAutoscaler', 'persister').spec
    expect(maxReplicas).toBeLessThanOrEqual(Number(envOf(persister).PARTITIONS))
  })

  test('images are those that infra/Dockerfile builds, at a version; commands are there', () => {
    const dockerfile = read('infra/Dockerfile')
    for (const workload of workloads) {
      const { image, command } = workload.container
      const [, target, tag] = /roomlog\/([a-z-]+):([^:@]+)$/.exec(image) ?? []
      expect(tag).not.toBe('latest')
      const stage = dockerfile.split(/^FROM /m).find((it) => it.split('\n')[0]?.endsWith(` AS ${target}`))
      expect([target, stage]).toEqual([target, expect.any(String)])
      if (SERVICES.includes(workload.name)) expect(stage).toContain(`EXPOSE ${portOf(workload, 'http')}\n`)
      else expect(existsSync(join(ROOT, command?.[1] ?? 'missing'))).toBe(true)
    }
  })
})
