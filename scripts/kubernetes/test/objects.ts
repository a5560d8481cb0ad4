/** Of what Kubernetes objects can have, what is looked at here. */
export interface KubernetesObject {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels }
  readonly data?: Readonly<Record<string, string>>
  // biome-ignore lint/suspicious/noExplicitAny: each kind has another one, and a test that reads past it fails
  readonly spec?: any
}

export type Labels = Readonly<Record<string, string>>

interface Selector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values: readonly string[]
  }[]
}

interface Variable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string }
    readonly secretKeyRef?: SecretRef
  }
}

interface SecretRef {
  readonly name: string
  readonly key: string
  readonly optional?: boolean
}

interface HttpProbe {
  readonly httpGet: { readonly path: string; readonly port: string }
  readonly timeoutSeconds?: number
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly command?: readonly string[]
  readonly env?: readonly Variable[]
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly startupProbe?: HttpProbe
  readonly livenessProbe?: HttpProbe
  readonly readinessProbe?: HttpProbe
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
  readonly resources: { readonly limits: object; readonly requests: object }
  readonly securityContext: object
}

/** A workload with the one container of its pods. */
export interface Workload {
  readonly name: string
  readonly object: KubernetesObject
  readonly labels: Labels
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly pod: any
  readonly container: Container
}

export function workloadsOf(objects: readonly KubernetesObject[]): readonly Workload[] {
  return objects.flatMap((object) => {
    const template = (object.spec?.jobTemplate?.spec ?? object.spec)?.template
    if (template === undefined) return []
    const { labels } = template.metadata
    const [container, ...others] = template.spec.containers
    if (others.length > 0) throw new Error(`${object.metadata.name} has more than one container`)
    return [{ name: object.metadata.name, object, labels, pod: template.spec, container }]
  })
}

/** Whether a selector, or a Service's plain labels, are of these labels. An empty one is of all. */
export function selects(selector: Selector | Labels, labels: Labels): boolean {
  const { matchLabels, matchExpressions = [] } = selector as Selector
  const equal = matchLabels ?? ('matchExpressions' in selector ? {} : (selector as Labels))
  return (
    Object.entries(equal).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      if (operator !== 'In') throw new Error(`selectors with ${operator} are not understood here`)
      return values.includes(labels[key] ?? '')
    })
  )
}

export interface Environment {
  /** What ConfigMaps and the container itself say, in the order in which they do. */
  readonly said: readonly (readonly [string, string])[]
  readonly secrets: readonly (SecretRef & { readonly variable: string })[]
}

export function environmentOf({ container }: Workload, objects: readonly KubernetesObject[]): Environment {
  const fromMaps = (container.envFrom ?? []).flatMap(({ configMapRef: { name } }) => {
    const map = objects.find((it) => it.kind === 'ConfigMap' && it.metadata.name === name)
    if (map === undefined) throw new Error(`no ConfigMap ${name}`)
    return Object.entries(map.data ?? {})
  })
  const own = (container.env ?? []).flatMap(({ name, value, valueFrom }) => {
    const said = value ?? valueFrom?.fieldRef?.fieldPath
    return said === undefined ? [] : [[name, said] as const]
  })
  const secrets = (container.env ?? []).flatMap(({ name, valueFrom }) => {
    const secret = valueFrom?.secretKeyRef
    return secret === undefined ? [] : [{ ...secret, variable: name }]
  })
  return { said: [...fromMaps, ...own], secrets }
}
