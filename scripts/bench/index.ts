import { history } from './api/history.ts'
import { logins } from './api/logins.ts'
import { history as historyCurve } from './curves/history.ts'
import { sweep } from './curves/sweep.ts'
import { page } from './page.ts'
import { revocation } from './revocation.ts'
import type { Bench } from './row.ts'
import { store } from './store/rows.ts'

/** In the order of what they cover, from the socket to the whole path. */
export const BENCHES: readonly Bench[] = [store, history, logins, historyCurve, sweep, revocation, page]
