//! What is known of a call beside who takes part: set when an order makes it, and changed by order.

use std::collections::BTreeMap;

use crate::api::{Problem, Time};
use crate::call::Call;
use crate::event::What;
use crate::headers;
use crate::switch::B2bua;

impl B2bua {
    /// A context that an order brings, by the names that it is sent with.
    pub(super) fn context_given(
        &self,
        given: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Problem> {
        let given = given.into_iter().map(|(name, value)| (name, Some(value))).collect();
        self.described(&BTreeMap::new(), &given)
    }

    /// Changes the context: everything that is asked for, or nothing.
    pub(super) fn describe(
        &mut self,
        now: Time,
        call: &mut Call,
        changes: &BTreeMap<String, Option<String>>,
    ) -> Result<(), Problem> {
        let context = self.described(&call.context, changes)?;
        if context != call.context {
            call.context.clone_from(&context);
            self.tell(now, call, What::CallContext { context });
        }
        Ok(())
    }

    fn described(
        &self,
        before: &BTreeMap<String, String>,
        changes: &BTreeMap<String, Option<String>>,
    ) -> Result<BTreeMap<String, String>, Problem> {
        let config = &self.directory.config;
        let (prefix, limits) = (&config.header_prefix, &config.limits);
        let wrong = |what| Problem::Field { field: "context", what };
        let mut context = before.clone();
        for (name, value) in changes {
            let text = value.as_deref().unwrap_or_default();
            let given = headers::given(name, text, prefix, limits.context_value_max);
            let (name, text) = given.map_err(|refused| {
                let name: String = name.chars().take(80).collect();
                wrong(format!("{}: {refused}", name.escape_debug()))
            })?;
            context.retain(|known, _| !known.eq_ignore_ascii_case(&name));
            if value.is_some() && !text.is_empty() {
                context.insert(name.to_string(), text);
            }
        }
        if context.len() > limits.context_values_max.max(before.len()) {
            return Err(wrong(format!("more than {} values", limits.context_values_max)));
        }
        Ok(context)
    }
}
