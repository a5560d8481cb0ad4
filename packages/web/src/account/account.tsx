import { Dialog } from '../look/dialog.tsx'
import { useMe } from '../session/use-client.ts'
import { useLeave } from '../session/use-leave.ts'
import { useTexts } from '../text/use-texts.ts'
import { ChangeName } from './change-name.tsx'
import { ChangePassword } from './change-password.tsx'
import { DeleteAccount } from './delete-account.tsx'
import { ExportData } from './export-data.tsx'
import { LanguageChoice } from './language-choice.tsx'
import { ThemeChoice } from './theme-choice.tsx'
import './account.css'

// biome-ignore lint/style/noDefaultExport: it is loaded when it is first opened
export default function Account({ onClose }: { readonly onClose: () => void }) {
  const t = useTexts()
  const me = useMe()
  const leave = useLeave()
  return (
    <Dialog title={t.account} onClose={onClose}>
      <div className="account">
        <p className="hint">{t.signedInAs(me.username)}</p>
        <div className="account-choices">
          <LanguageChoice />
          <ThemeChoice />
        </div>
        <ChangeName name={me.displayName} />
        <ChangePassword />
        <ExportData />
        <DeleteAccount />
        <div className="account-end">
          <p className="hint">{t.logOutHint}</p>
          <button type="button" className="button" onClick={() => void leave()}>
            {t.logOut}
          </button>
        </div>
      </div>
    </Dialog>
  )
}
