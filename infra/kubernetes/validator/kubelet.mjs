// Says of every pod what a kubelet would after starting it: services run and are ready, jobs have done their work, or have
// failed where their image has the tag "broken". No container runs. Ends when the API server does not answer any more, or with a signal.
//   KUBERNETES=https://127.0.0.1:6443 TOKEN=… NODE_EXTRA_CA_CERTS=… node kubelet.mjs
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 300
const { KUBERNETES, TOKEN } = process.env

for (;;) {
  const { items } = await ask('GET', '/api/v1/pods?fieldSelector=status.phase=Pending')
  for (const pod of items) await began(pod)
  await delay(POLL_MS)
}

async function began({ metadata: { namespace, name }, spec }) {
  const ready = { type: 'Ready', status: 'True', lastTransitionTime: new Date() }
  const ended = spec.containers[0].image.endsWith(':broken') ? 'Failed' : 'Succeeded'
  const status =
    spec.restartPolicy === 'Always' ? { phase: 'Running', conditions: [ready] } : { phase: ended }
  await ask('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}/status`, { status })
}

async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/merge-patch+json' }
  const response = await fetch(`${KUBERNETES}${path}`, {
    method,
    headers,
    body: body && JSON.stringify(body),
  })
  const answer = await response.json()
  // A pod may have been deleted meanwhile.
  if (!response.ok && response.status !== 404) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`)
  return answer
}
