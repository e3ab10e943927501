import { appRole, appRoleSettings, type BootstrapPlan, policiesOf } from './bootstrap-plan.ts';

/**
 * The plan as commands of Vault's own command line, for any shell, to be pasted or piped into `sh`. They can be repeated: what is there is
 * kept. No comments, which zsh does not take at its prompt.
 */
export function bootstrapCommands(plan: BootstrapPlan): string {
  const { mount, auditFile, secretId } = plan;
  const role = `auth/approle/role/${appRole}`;
  return [
    `vault secrets list -format=json | grep -qF '"${mount}/"' || vault secrets enable -path=${mount} -version=2 kv`,
    ...Object.entries(policiesOf(plan)).flatMap(([name, text]) => [`vault policy write ${name} - <<'POLICY'`, `${text}POLICY`]),
    `vault auth list -format=json | grep -qF '"approle/"' || vault auth enable approle`,
    `vault write ${role} ${Object.entries(appRoleSettings).map(([name, value]) => `${name}=${value}`).join(' ')}`,
    `vault audit list -format=json | grep -qF '"type"' || vault audit enable file file_path=${shellQuoted(auditFile)}`,
    `vault read ${role}/role-id`,
    ...(secretId ? [`vault write -f ${role}/secret-id`] : []),
    '',
  ].join('\n');
}

function shellQuoted(text: string): string {
  return /^[\w./-]+$/u.test(text) ? text : `'${text.replaceAll('\'', String.raw`'\''`)}'`;
}
