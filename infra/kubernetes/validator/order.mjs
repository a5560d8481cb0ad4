// Throws unless every service's pods are of the second release, each service's after those of the one before it.
//   node order.mjs pods.json
import { readFileSync } from 'node:fs'

const { items } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
let latest = ''
for (const service of ['persister', 'ws-edge', 'api']) {
  const pods = items.filter(({ metadata }) => metadata.labels['app.kubernetes.io/name'] === service)
  if (pods.length < 2) throw new Error(`${service} has ${pods.length} pods`)
  const images = pods.map(({ spec }) => spec.containers[0].image)
  if (images.some((image) => !image.endsWith(`/${service}:second`)))
    throw new Error(`${service} runs ${images}`)
  const made = pods.map(({ metadata }) => metadata.creationTimestamp).sort()
  if (made[0] < latest)
    throw new Error(`${service} began at ${made[0]}, the one before it ended at ${latest}`)
  latest = made.at(-1)
  process.stdout.write(`  ${service}: ${pods.length} pods of the second release, ${made[0]} to ${latest}\n`)
}
