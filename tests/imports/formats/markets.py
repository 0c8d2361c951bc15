"""The header rows of marketplaces, tills and payment services, as they write them in full."""

HEADERS = [
    (
        "order-id,order-item-id,purchase-date,payments-date,reporting-date,promise-date,days-past-promise,buyer-email,"
        "buyer-name,buyer-phone-number,sku,product-name,quantity-purchased,quantity-shipped,quantity-to-ship,"
        "ship-service-level,recipient-name,ship-address-1,ship-address-2,ship-address-3,ship-city,ship-state,"
        "ship-postal-code,ship-country,is-business-order,purchase-order-number,price-designation,is-prime,item-price,"
        "item-tax,shipping-price,shipping-tax",
        "amazon_orders",
    ),
    (
        "amazon-order-id,merchant-order-id,purchase-date,last-updated-date,order-status,fulfillment-channel,"
        "sales-channel,order-channel,url,ship-service-level,product-name,sku,asin,item-status,quantity,currency,"
        "item-price,item-tax,shipping-price,shipping-tax,gift-wrap-price,gift-wrap-tax,item-promotion-discount,"
        "ship-promotion-discount,ship-city,ship-state,ship-postal-code,ship-country,promotion-ids",
        "amazon_orders",
    ),
    (
        "Sales Record Number,Order Number,Buyer Username,Buyer Name,Buyer Email,Buyer Note,Buyer Address 1,Buyer City,"
        "Buyer State,Buyer Zip,Buyer Country,Ship To Name,Ship To Phone,Ship To Address 1,Item Number,Item Title,"
        "Custom Label,Sold Via Promoted Listings,Quantity,Sold For,Shipping And Handling,Seller Collected Tax,"
        "eBay Collected Tax,Total Price,Payment Method,Sale Date,Paid On Date,Ship By Date,Shipped On Date,"
        "My Item Note,PayPal Transaction ID,Tracking Number,Transaction ID,Variation Details",
        "ebay_orders",
    ),
    (
        "Verkaufsprotokollnummer,Bestellnummer,Gesamtbetrag,Verkauft am,Zahlungsdatum,Nutzername des Käufers,"
        "Name des Käufers",
        "ebay_orders",
    ),
    (
        "Verkaufsprotokollnummer,Mitgliedsname,Vollständiger Name des Käufers,E-Mail des Käufers,Käuferadresse 1,"
        "Ort des Käufers,Staat des Käufers,Postleitzahl des Käufers,Land des Käufers,Bestellnummer,Artikelnummer,"
        "Transaktions-ID,Artikelbezeichnung,Stückzahl,Verkaufspreis,Verpackung und Versand,Gesamtpreis,Zahlungsmethode,"
        "Verkaufsdatum,Kaufabwicklungsdatum,Bezahldatum,Versanddatum,Bestandseinheit,Variantendetails",
        "ebay_orders",
    ),
    (
        "Transaction creation date,Type,Order number,Legacy order ID,Buyer username,Buyer name,Ship to city,"
        "Ship to province/region/state,Ship to zip,Ship to country,Net amount,Payout currency,Payout date,Payout ID,"
        "Item ID,Transaction ID,Item title,Custom label,Quantity,Item subtotal,Shipping and handling,"
        "Gross transaction amount,Transaction currency,Exchange rate,Reference ID,Description",
        "ebay_transactions",
    ),
    (
        "Order number,Buyer username,Post to name,Post to phone,Post to address 1,Post to city,Post to postcode,"
        "Post to country",
        "ebay_buyers",
    ),
    (
        "Purchase ID,Item Name,Buyer Name,Purchase Email,Buyer Email,Do not contact?,Purchase Date,"
        "Purchase Time (UTC timezone),Subtotal ($),Taxes ($),Shipping ($),Sale Price ($),Fees ($),Net Total ($),Tip ($),"
        "Tax Included in Price?,Street Address,City,Zip Code,State,Country,Referrer,Refunded?,Partial Refund ($),"
        "Fully Refunded?,Disputed?,Dispute Won?,Variants,Discount Code,Recurring Charge?,Product ID,Order Number,SKU ID,"
        "Quantity",
        "gumroad_sales",
    ),
    (
        "Order ID,Order Status,Order Substatus,Cancelation/Return Type,Normal or Pre-order,SKU ID,Seller SKU,"
        "Product Name,Variation,Quantity,Sku Quantity of return,SKU Unit Original Price,SKU Subtotal Before Discount,"
        "SKU Platform Discount,SKU Seller Discount,SKU Subtotal After Discount,Shipping Fee After Discount,Taxes,"
        "Order Amount,Order Refund Amount,Created Time,Paid Time,RTS Time,Shipped Time,Delivered Time,Cancelled Time,"
        "Buyer Message,Buyer Username,Recipient,Phone #,Country,State,City,Zipcode,Payment Method,Product Category",
        "tiktok_orders",
    ),
    (
        "order_number,email,order_date,payment_status,fulfillment_status,total,shipping_cost,sku,name,price,quantity",
        "ecwid_orders",
    ),
    (
        "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,"
        "Converted Currency,Description,Fee,Is Link,Mode,PaymentIntent ID,Payment Source Type,Refunded date (UTC),"
        "Statement Descriptor,Status,Seller Message,Taxes On Fee,Card ID,Card Name,Card Address Line1,Customer ID,"
        "Customer Description,Customer Email,Customer Phone,Shipping Name,Invoice ID,Invoice Number,"
        "Checkout Session ID,Checkout Promotional Consent,Client Reference ID,Transfer Group",
        "stripe_payments",
    ),
    (
        "id,Description,Seller Message,Created (UTC),Amount,Amount Refunded,Currency,Converted Amount,Status,Customer ID,"
        "Customer Description,Customer Email,Captured,Card ID,PaymentIntent ID",
        "stripe_payments",
    ),
    (
        "id,Description,Email,Name,Created (UTC),Delinquent,Plan,Status,Total Spend,Payment Count,Refunded Volume,"
        "Dispute Losses,tag (metadata)",
        "stripe_customers",
    ),
    (
        "Date,Time,TimeZone,Name,Type,Status,Currency,Gross,Fee,Net,From Email Address,To Email Address,Transaction ID,"
        "Shipping Address,Address Status,Item Title,Item ID,Shipping and Handling Amount,Insurance Amount,Sales Tax,"
        "Option 1 Name,Option 1 Value,Option 2 Name,Option 2 Value,Reference Txn ID,Invoice Number,Custom Number,"
        "Quantity,Receipt ID,Balance,Address Line 1,Address Line 2/District/Neighborhood,Town/City,"
        "State/Province/Region/County/Territory/Prefecture/Republic,Zip/Postal Code,Country,Contact Phone Number,"
        "Subject,Note,Country Code,Balance Impact",
        "paypal_activity",
    ),
    (
        "Date,Time,TimeZone,Name,Type,Status,Currency,Amount,Fees,Total,Exchange Rate,Receipt ID,Balance,"
        "Transaction ID,Memo",
        "paypal_activity",
    ),
    (
        "Datum,Uhrzeit,Zeitzone,Name,Typ,Status,Währung,Brutto,Gebühr,Netto,Absender E-Mail-Adresse,"
        "Empfänger E-Mail-Adresse,Transaktionscode,Zugehöriger Transaktionscode,Artikelbezeichnung,Guthaben",
        "paypal_activity",
    ),
    (
        "Datum,Uhrzeit,Zeitzone,Beschreibung,Währung,Brutto,Entgelt,Netto,Guthaben,Transaktionscode,"
        "Absender E-Mail-Adresse,Name,Rechnungsnummer,Zugehöriger Transaktionscode",
        "paypal_activity",
    ),
    (
        "Data,Ora,Fuso orario,Descrizione,Valuta,Lordo ,Tariffa ,Netto,Saldo,Codice transazione,Indirizzo email mittente,"
        "Nome,Nome banca,Conto bancario,Importo per spedizione e imballaggio,IVA,Codice transazione di riferimento",
        "paypal_activity",
    ),
    (
        "Datum,Tijd,Tijdzone,Omschrijving,Valuta,Bruto,Kosten,Net,Saldo,Transactiereferentie,Van e-mailadres,Naam,"
        "Naam bank,Bankrekening,Verzendkosten,BTW,Factuurreferentie,Reference Txn ID",
        "paypal_activity",
    ),
    (
        "Date, Heure, Fuseau horaire, Nom, Type, État, Devise, Avant commission, Commission, Net, De l'adresse email,"
        " À l'adresse email, N° de transaction, Titre de l'objet, Nº de transaction de référence, Solde, Adresse 1, Ville",
        "paypal_activity",
    ),
    (
        "Date,Heure,Fuseau horaire,Nom,Type,État,Devise,Avant commission,Commission,Net,De l'adresse email,"
        "À l'adresse email,Numéro de transaction",
        "paypal_activity",
    ),
    (
        "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Gross Sales,Discounts,Net Sales,"
        "Tax,Transaction ID,Payment ID,Device Name,Notes,Details,Event Type,Location,Dining Option,Customer ID,"
        "Customer Name,Customer Reference ID,Unit,Count,GTIN,Itemization Type,Commission,Employee,Fulfillment Note,"
        "Channel,Token,Card Brand,PAN Suffix",
        "square_items",
    ),
    (
        "Date,Time,Time Zone,Gross Sales,Discounts,Service Charges,Net Sales,Gift Card Sales,Tax,Tip,Partial Refunds,"
        "Total Collected,Source,Card,Card Entry Methods,Cash,Square Gift Card,Other Tender,Other Tender Type,"
        "Tender Note,Fees,Net Total,Transaction ID,Payment ID,Card Brand,PAN Suffix,Device Name,Staff Name,Staff ID,"
        "Details,Description,Event Type,Location,Dining Option,Customer ID,Customer Name,Customer Reference ID",
        "square_transactions",
    ),
    (
        "Token,Item Name,Variation Name,SKU,Description,Category,GTIN,Square Online Item Visibility,Weight (lb),Price,"
        "Sellable,Stockable,Option Name 1,Option Value 1,Default Unit Cost,Default Vendor Name",
        "square_products",
    ),
    (
        "Reference ID,First Name,Last Name,Email Address,Phone Number,Nickname,Company Name,Street Address 1,"
        "Street Address 2,City,State,Postal Code,Birthday,Memo,Creation Source,First Visit,Last Visit,"
        "Transaction Count,Lifetime Spend,Email Subscription Status,Instant Profile",
        "square_customers",
    ),
    ("Date,Type,Title,Info,Currency,Amount,Fees & Taxes,Net,Tax Details", "ledgers"),
    ("Payment ID,Buyer Username,Buyer Name,Order ID,Gross Amount,Fees,Net Amount,Status,Refund Amount", "ledgers"),
    ("balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category", "ledgers"),
    ("date/time,settlement id,type,order id,sku,description,quantity,product sales,shipping credits,total", "ledgers"),
    ("data/ora:,Numero pagamento,Tipo,Numero ordine,SKU,Marketplace,Vendite,Accrediti per le spedizioni", "ledgers"),
    ("Order,Transaction ID,Kind,Processed at,Amount,Currency,Status,Gateway,Card Type", "ledgers"),
]
