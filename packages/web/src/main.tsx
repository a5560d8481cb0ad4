import { browserSessionStore, RoomlogClient } from '@roomlog/client'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { Broken } from './broken.tsx'
import { theme } from './look/theme.ts'
import { personOf, sessionKey } from './session/person.ts'
import { ClientContext, SessionStoreContext } from './session/use-client.ts'
import { language } from './text/language.ts'
import './look/base.css'
import './look/controls.css'
import './look/fields.css'
import './look/marks.css'

theme.start()
language.start()

const person = personOf(location.search)
const sessionStore = browserSessionStore(sessionKey(person))
const client = new RoomlogClient({ url: location.origin, sessionStore })

const root = document.getElementById('root')
if (root !== null)
  createRoot(root).render(
    <Broken>
      <ClientContext value={client}>
        <SessionStoreContext value={sessionStore}>
          <App isSecondPerson={person !== 1} />
        </SessionStoreContext>
      </ClientContext>
    </Broken>,
  )
