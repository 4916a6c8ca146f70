//! The books are only ever added to: triggers refuse the rest. The audit finds tampering all the same, by the hash chain.

pub(super) const POSTGRES: &str = "
create function is_append_only() returns trigger language plpgsql as
$$ begin raise exception 'the table % is append only', tg_table_name; end $$;
create trigger ledger_transaction_append_only before update or delete on ledger_transaction
    for each row execute function is_append_only();
create trigger ledger_transaction_never_emptied before truncate on ledger_transaction
    for each statement execute function is_append_only();
create trigger posting_append_only before update or delete on posting
    for each row execute function is_append_only();
create trigger posting_never_emptied before truncate on posting
    for each statement execute function is_append_only();
create trigger ledger_block_append_only before update or delete on ledger_block
    for each row execute function is_append_only();
create trigger ledger_block_never_emptied before truncate on ledger_block
    for each statement execute function is_append_only();
create trigger balance_transaction_append_only before update or delete on balance_transaction
    for each row execute function is_append_only();
create trigger balance_transaction_never_emptied before truncate on balance_transaction
    for each statement execute function is_append_only();
create trigger adjustment_append_only before update or delete on adjustment
    for each row execute function is_append_only();
create trigger adjustment_never_emptied before truncate on adjustment
    for each statement execute function is_append_only();
create trigger debt_return_append_only before update or delete on debt_return
    for each row execute function is_append_only();
create trigger debt_return_never_emptied before truncate on debt_return
    for each statement execute function is_append_only();
create trigger event_append_only before update or delete on event
    for each row execute function is_append_only();
create trigger event_never_emptied before truncate on event
    for each statement execute function is_append_only();
create trigger ledger_seal_once before update on ledger_seal
    for each row when (old.block_id is not null) execute function is_append_only();
create trigger ledger_seal_stays before delete on ledger_seal
    for each row execute function is_append_only();
create trigger ledger_seal_never_emptied before truncate on ledger_seal
    for each statement execute function is_append_only();
";

pub(super) const SQLITE: &str = "
create trigger ledger_transaction_update before update on ledger_transaction
    begin select raise(abort, 'the table ledger_transaction is append only'); end;
create trigger ledger_transaction_delete before delete on ledger_transaction
    begin select raise(abort, 'the table ledger_transaction is append only'); end;
create trigger posting_update before update on posting
    begin select raise(abort, 'the table posting is append only'); end;
create trigger posting_delete before delete on posting
    begin select raise(abort, 'the table posting is append only'); end;
create trigger ledger_block_update before update on ledger_block
    begin select raise(abort, 'the table ledger_block is append only'); end;
create trigger ledger_block_delete before delete on ledger_block
    begin select raise(abort, 'the table ledger_block is append only'); end;
create trigger balance_transaction_update before update on balance_transaction
    begin select raise(abort, 'the table balance_transaction is append only'); end;
create trigger balance_transaction_delete before delete on balance_transaction
    begin select raise(abort, 'the table balance_transaction is append only'); end;
create trigger adjustment_update before update on adjustment
    begin select raise(abort, 'the table adjustment is append only'); end;
create trigger adjustment_delete before delete on adjustment
    begin select raise(abort, 'the table adjustment is append only'); end;
create trigger debt_return_update before update on debt_return
    begin select raise(abort, 'the table debt_return is append only'); end;
create trigger debt_return_delete before delete on debt_return
    begin select raise(abort, 'the table debt_return is append only'); end;
create trigger event_update before update on event
    begin select raise(abort, 'the table event is append only'); end;
create trigger event_delete before delete on event
    begin select raise(abort, 'the table event is append only'); end;
create trigger ledger_seal_update before update on ledger_seal when old.block_id is not null
    begin select raise(abort, 'the table ledger_seal is append only'); end;
create trigger ledger_seal_delete before delete on ledger_seal
    begin select raise(abort, 'the table ledger_seal is append only'); end;
";
